// NearNar: a small NAR at rest that this thread has sent within the present second.
//
// So that what is asked for again and again costs neither a look at its file nor a lock that threads share: each thread
// opens it as usual, and notes the use, once a second. The file itself belongs to its store, which retires it when it is
// removed or replaced; what another process removes is served until the second is over. A NAR has one place in
// each thread, which it loses to another. Bounded: kPlaces for each thread, of about 1 KiB. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "http/connection.h"
#include "http/response.h"
#include "nix/nar_url.h"
#include "server/permissions.h"
#include "storage/file_blob.h"

namespace ncps::server {

class NearNar {
 public:
  using Second = std::chrono::time_point<std::chrono::steady_clock, std::chrono::seconds>;
  static constexpr std::size_t kPlaces = 512;

  static NearNar& of_this_thread(const nix::NarUrl& url) {
    // Not the places themselves: every thread of the process would have them from its start.
    thread_local const auto places = std::make_unique<std::array<NearNar, kPlaces>>();
    return (*places)[std::hash<nix::NarUrl>{}(url) % kPlaces];
  }

  static Second now() { return std::chrono::floor<std::chrono::seconds>(http::coarse_now()); }

  // nullopt: not within this second, for others, or no longer the file of that name.
  std::optional<http::PreparedFile> find(const nix::NarUrl& url, Audience audience,
                                         Second second) const {
    if (!head_ || second_ != second || audience_ != audience || *url_ != url) return std::nullopt;
    auto file = file_.lock();
    if (!file || file->retired) return std::nullopt;
    FileSpan all{file->fd.get(), 0, length_};
    return http::PreparedFile{head_, std::move(file), all};
  }

  void keep(const nix::NarUrl& url, Audience audience, Second second,
            std::weak_ptr<const storage::SharedFile> file,
            std::shared_ptr<const http::Prepared> head, std::uint64_t length) {
    url_ = url;
    audience_ = audience;
    second_ = second;
    file_ = std::move(file);
    head_ = std::move(head);
    length_ = length;
  }

 private:
  std::optional<nix::NarUrl> url_;
  Audience audience_{};
  Second second_;
  std::weak_ptr<const storage::SharedFile> file_;
  std::shared_ptr<const http::Prepared> head_;
  std::uint64_t length_ = 0;  // bytes
};

}  // namespace ncps::server
