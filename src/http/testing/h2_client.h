// A blocking HTTP/2 client for tests, of libnghttp2: many requests over one connection, and how each
// of them ended. Waits are bounded; nothing here sleeps.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "http/testing/h2_client_state.h"

namespace ncps::http::testing {

class H2Client : private H2ClientState {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  using Windows = H2Windows;

  explicit H2Client(std::uint16_t port, Windows windows = Windows::automatic,
                    std::uint32_t stream_window = 1 << 20) {
    fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int yes = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    make_session(windows);
    nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
  }
  ~H2Client() { nghttp2_session_del(session_); }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // The stream of a request that is sent with the next flush() or until().
  std::int32_t ask(std::string method, std::string path, const Fields& more = {}) {
    return submit(fields_of(std::move(method), std::move(path), more), nullptr);
  }
  std::int32_t get(std::string path, const Fields& more = {}) {
    return ask("GET", std::move(path), more);
  }

  // With a body that is sent as far as `give` of body() says; all of it by default.
  std::int32_t put(std::string path, std::string body, const Fields& more = {}) {
    nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
    uploads_next_ = {std::move(body), 0, SIZE_MAX, true, false};
    auto id = submit(fields_of("PUT", std::move(path), more), &provider);
    uploads_[id] = std::move(uploads_next_);
    return id;
  }

  // Lets no more than this of the body go, and keeps it open.
  void hold(std::int32_t id, std::size_t bytes) { uploads_[id].may = bytes; }
  void let_go(std::int32_t id, std::size_t bytes) {
    uploads_[id].may = bytes;
    if (std::exchange(uploads_[id].deferred, false)) nghttp2_session_resume_data(session_, id);
  }
  std::size_t sent_of(std::int32_t id) { return uploads_[id].at; }

  std::int32_t submit(const Fields& fields, const nghttp2_data_provider* provider) {
    std::vector<nghttp2_nv> pairs;
    for (const auto& [name, value] : fields)
      pairs.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                       reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                       name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    return nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), provider, nullptr);
  }

  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  void give(std::int32_t id, std::int32_t bytes) {
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, bytes);
  }

  H2Answer& answer(std::int32_t id) { return answers_[id]; }

  bool flush() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      for (ssize_t at = 0; at < size;) {
        auto taken =
            ::send(fd_.get(), bytes + at, static_cast<std::size_t>(size - at), MSG_NOSIGNAL);
        if (taken <= 0) return open_ = false;
        at += taken;
      }
    return true;
  }

  // Sends and receives until it is so. False: the connection has ended before.
  bool until(const std::function<bool()>& so) {
    while (!so()) {
      if (!flush()) return so();
      if (so()) return true;
      std::uint8_t bytes[65536];
      auto size = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (size <= 0) {
        open_ = false;
        ended_cleanly_ = size == 0;
        return so();
      }
      if (nghttp2_session_mem_recv(session_, bytes, static_cast<std::size_t>(size)) < 0)
        return false;
    }
    return true;
  }

  // The answer once the stream is closed, or nothing more comes.
  H2Answer& read(std::int32_t id) {
    until([&] { return answers_[id].closed; });
    return answers_[id];
  }

  bool until_end() {  // of the connection; true: by FIN
    until([] { return false; });
    return ended_cleanly_;
  }

  bool open() const { return open_; }
  int goaways() const { return goaways_; }
  std::uint32_t goaway_code() const { return goaway_code_; }
  std::uint32_t most_streams() const {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  }

 private:
  static Fields fields_of(std::string method, std::string path, const Fields& more) {
    Fields all{{":method", std::move(method)},
               {":scheme", "http"},
               {":authority", "test"},
               {":path", std::move(path)}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  UniqueFd fd_;
  bool open_ = false;
  bool ended_cleanly_ = false;
  Upload uploads_next_;
};

}  // namespace ncps::http::testing
