// FakeUpstream: an upstream that does what a test tells it, and remembers what it was asked.
// Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/guarded.h"
#include "rt/testing/gate.h"
#include "upstream/upstream.h"

namespace ncps::upstream {

inline constexpr std::uint64_t kNoByte = std::numeric_limits<std::uint64_t>::max();

// What one open_file answers.
struct FakeNar {
  std::string bytes;
  std::optional<std::uint64_t> total = {};  // announced; absent: that of `bytes`
  bool says_total = true;
  bool ranges = true;                           // false: begins at 0 whatever is asked for
  std::uint64_t breaks_at = kNoByte;            // an Error before this byte of the file
  std::size_t piece = 16 * 1024;                // bytes at once
  std::shared_ptr<testing::Gate> gate = {};     // waits there ...
  std::uint64_t gate_at = 0;                    // ... before this byte of the file
  std::shared_ptr<testing::Gate> answers = {};  // waits there before it answers at all
  std::optional<Error> refuses = {};            // the answer is this Error
  bool throws = false;                          // a bug: an exception instead of a piece
};

class FakeUpstream final : public Upstream {
 public:
  struct Call {
    std::string what;          // "<hash>.narinfo", or the URL of a NAR
    std::uint64_t first_byte;  // of a NAR
    Decode decode;
    Deadline deadline;
  };

  explicit FakeUpstream(std::string name, int priority = 40)
      : name_(std::move(name)), priority_(priority) {}

  // ---- the script ----
  void narinfo(const nix::StorePathHash& hash, Result<std::optional<std::string>> answer) {
    script_.with([&](Script& s) { s.narinfos.insert_or_assign(hash, std::move(answer)); });
  }
  void narinfos_wait(std::shared_ptr<testing::Gate> gate) {
    script_.with([&](Script& s) { s.narinfo_gate = std::move(gate); });
  }
  // One answer after the other; the last one stays.
  void nar(const std::string& url, std::vector<FakeNar> answers) {
    script_.with(
        [&](Script& s) { s.nars[url] = std::deque<FakeNar>(answers.begin(), answers.end()); });
  }
  void nar(const std::string& url, FakeNar answer) { nar(url, std::vector{std::move(answer)}); }
  void no_nar(const std::string& url) {
    script_.with([&](Script& s) { s.nars.erase(url); });
  }

  void stands(Standing standing) {
    script_.with([&](Script& s) { s.standing = standing; });
  }
  void came_back() {
    script_.with([](Script& s) { ++s.returns; });
  }
  void usually_takes(std::chrono::milliseconds delay) {
    script_.with([&](Script& s) { s.usual_delay = delay; });
  }

  std::vector<Call> calls() const {
    return script_.with([](const Script& s) { return s.calls; });
  }
  std::size_t asked() const { return calls().size(); }
  std::size_t asked_for(std::string_view what) const {
    auto all = calls();
    return static_cast<std::size_t>(
        std::ranges::count_if(all, [&](const Call& c) { return c.what == what; }));
  }

  // ---- Upstream ----
  const std::string& name() const noexcept override { return name_; }
  int priority() const noexcept override { return priority_; }
  Standing standing() const noexcept override {
    return script_.with([](const Script& s) { return s.standing; });
  }
  std::uint64_t returns() const noexcept override {
    return script_.with([](const Script& s) { return s.returns; });
  }
  std::chrono::milliseconds usual_delay() const noexcept override {
    return script_.with([](const Script& s) { return s.usual_delay; });
  }
  Task<void> probe(Deadline) override { co_return Result<void>(); }

  Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                Deadline deadline) override {
    auto gate = script_.with([&](Script& s) {
      s.calls.push_back({std::string(hash.str()) + ".narinfo", 0, Decode::yes, deadline});
      return s.narinfo_gate;
    });
    if (gate) co_await gate->pass();
    co_return script_.with([&](Script& s) -> Result<std::optional<std::string>> {
      auto it = s.narinfos.find(hash);
      if (it == s.narinfos.end()) return std::optional<std::string>();
      return it->second;
    });
  }

  Task<std::optional<FileBody>> open_file(std::string url, std::uint64_t first_byte, Decode decode,
                                          Deadline deadline) override {
    auto nar = next_nar(url, first_byte, decode, deadline);
    if (!nar) co_return std::optional<FileBody>();
    if (nar->answers) co_await nar->answers->pass();
    if (nar->refuses) co_return std::unexpected(*nar->refuses);
    auto first = nar->ranges ? first_byte : 0;
    std::optional<std::uint64_t> total;
    if (nar->says_total) total = nar->total.value_or(nar->bytes.size());
    FileBody body{.first_byte = first,
                  .total = total,
                  .bytes = std::make_unique<Body>(name_, std::move(*nar), first)};
    co_return std::optional<FileBody>(std::move(body));
  }

  Task<std::optional<FileHead>> find_file(std::string url, Deadline deadline) override {
    auto nar = next_nar(url, 0, Decode::no, deadline);
    if (!nar) co_return std::optional<FileHead>();
    if (nar->refuses) co_return std::unexpected(*nar->refuses);
    FileHead head;
    if (nar->says_total) head.total = nar->total.value_or(nar->bytes.size());
    co_return std::optional<FileHead>(head);
  }

 private:
  class Body final : public ByteSource {
   public:
    Body(std::string name, FakeNar nar, std::uint64_t first)
        : name_(std::move(name)), nar_(std::move(nar)), next_(first) {}

    Task<Piece> next() override {
      if (nar_.gate && next_ >= nar_.gate_at) {
        co_await nar_.gate->pass();
        nar_.gate.reset();
      }
      if (nar_.throws) throw std::runtime_error("a bug of the test's own");
      if (next_ >= nar_.breaks_at) co_return fail(ErrorKind::upstream, name_ + ": broke");
      auto end = std::min<std::uint64_t>(nar_.bytes.size(), next_ + nar_.piece);
      end = std::min(end, std::max(nar_.breaks_at, next_));
      if (nar_.gate) end = std::min(end, nar_.gate_at);
      if (next_ >= end) co_return Piece(std::string_view());
      auto part = std::string_view(nar_.bytes).substr(next_, end - next_);
      next_ = end;
      co_return Piece(part);
    }

   private:
    std::string name_;
    FakeNar nar_;
    std::uint64_t next_;
  };

  struct Script {
    std::map<nix::StorePathHash, Result<std::optional<std::string>>> narinfos;
    std::shared_ptr<testing::Gate> narinfo_gate;
    std::map<std::string, std::deque<FakeNar>> nars;
    std::vector<Call> calls;
    Standing standing = Standing::good;
    std::uint64_t returns = 0;
    std::chrono::milliseconds usual_delay{1'000};
  };

  std::optional<FakeNar> next_nar(const std::string& url, std::uint64_t first, Decode decode,
                                  Deadline deadline) {
    return script_.with([&](Script& s) -> std::optional<FakeNar> {
      s.calls.push_back({url, first, decode, deadline});
      auto it = s.nars.find(url);
      if (it == s.nars.end()) return std::nullopt;
      auto nar = it->second.front();
      if (it->second.size() > 1) it->second.pop_front();
      return nar;
    });
  }

  std::string name_;
  int priority_;
  Guarded<Script> script_;
};

}  // namespace ncps::upstream
