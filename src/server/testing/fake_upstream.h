// FakeUpstream: an upstream in memory that counts what it is asked, and fails on request.
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/guarded.h"
#include "upstream/upstream.h"

namespace ncps::server::testing {

struct UpstreamCalls {
  unsigned narinfos = 0, nars = 0, heads = 0;
  unsigned all() const { return narinfos + nars + heads; }
};

class FakeUpstream final : public upstream::Upstream {
 public:
  explicit FakeUpstream(std::string name) : name_(std::move(name)) {}

  void put_narinfo(const nix::StorePathHash& hash, std::string text) {
    state_.with([&](State& s) { s.narinfos[std::string(hash.str())] = std::move(text); });
  }
  void put_nar(std::string url, std::string bytes) {
    state_.with([&](State& s) { s.nars[std::move(url)] = std::move(bytes); });
  }
  void remove_all() {
    state_.with([](State& s) { s = State{.calls = s.calls, .error = s.error}; });
  }
  // From now on every answer is this Error.
  void break_with(Error error) {
    state_.with([&](State& s) { s.error = std::move(error); });
  }
  UpstreamCalls calls() const {
    return state_.with([](const State& s) { return s.calls; });
  }

  const std::string& name() const noexcept override { return name_; }
  int priority() const noexcept override { return 40; }
  upstream::Standing standing() const noexcept override { return upstream::Standing::good; }
  std::uint64_t returns() const noexcept override { return 0; }
  std::chrono::milliseconds usual_delay() const noexcept override {
    return std::chrono::minutes(1);  // nobody is asked beside it by chance
  }
  Task<void> probe(Deadline) override { co_return Result<void>(); }
  Deadline::Clock::time_point next_probe() const noexcept override {
    return Deadline::Clock::time_point::max();
  }
  Signal& next_probe_nearer() noexcept override { return next_probe_nearer_; }

  Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash, Deadline) override {
    co_return find(&UpstreamCalls::narinfos, &State::narinfos, std::string(hash.str()));
  }

  Task<std::optional<upstream::FileBody>> open_file(std::string url, std::uint64_t first_byte,
                                                    fetch::Decode, Deadline) override {
    CO_TRY(auto bytes, find(&UpstreamCalls::nars, &State::nars, url));
    if (!bytes) co_return std::nullopt;
    auto total = bytes->size();
    auto body = std::make_unique<Text>(bytes->substr(first_byte));
    co_return upstream::FileBody{
        .first_byte = first_byte, .total = total, .bytes = std::move(body)};
  }

  Task<std::optional<upstream::FileHead>> find_file(std::string url, Deadline) override {
    CO_TRY(auto bytes, find(&UpstreamCalls::heads, &State::nars, url));
    if (!bytes) co_return std::nullopt;
    co_return upstream::FileHead{.total = bytes->size()};
  }

 private:
  using Texts = std::map<std::string, std::string>;
  struct State {
    Texts narinfos, nars;
    UpstreamCalls calls;
    std::optional<Error> error;
  };

  class Text final : public ByteSource {
   public:
    explicit Text(std::string text) : text_(std::move(text)) {}
    Task<Piece> next() override {
      if (std::exchange(given_, true)) co_return Piece(std::string_view());
      co_return Piece(std::string_view(text_));
    }

   private:
    std::string text_;
    bool given_ = false;
  };

  Result<std::optional<std::string>> find(unsigned UpstreamCalls::* count, Texts State::* where,
                                          const std::string& key) {
    return state_.with([&](State& s) -> Result<std::optional<std::string>> {
      ++(s.calls.*count);
      if (s.error) return std::unexpected(*s.error);
      auto it = (s.*where).find(key);
      if (it == (s.*where).end()) return std::nullopt;
      return it->second;
    });
  }

  std::string name_;
  Guarded<State> state_;
  Signal next_probe_nearer_;
};

}  // namespace ncps::server::testing
