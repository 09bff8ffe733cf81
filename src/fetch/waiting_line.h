// WaitingLine: at most so many at once for one host and in all; the others wait in line.
//
// First come, first served, but who waits for a busy host holds up nobody else. Pure. Not
// thread-safe. T is copied and compared: a pointer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace ncps::fetch {

struct LineLimits {
  std::size_t per_host;
  std::size_t in_total;
  std::size_t waiting;  // in all
};

template <class T>
class WaitingLine {
 public:
  enum class Place : std::uint8_t { runs, waits, none_left };

  explicit WaitingLine(LineLimits limits) : limits_(limits) {}

  // REQUIRES: `who` is not here yet.
  Place enter(const std::string& host, T who) {
    auto [at, fresh] = hosts_.try_emplace(host);
    if (may_run(at->second)) {
      run(at, std::move(who));
      return Place::runs;
    }
    bool room = waiting_ < limits_.waiting;
    if (room) {
      at->second.line.emplace_back(++entered_, std::move(who));
      ++waiting_;
    } else {
      forget_if_empty(at);
    }
    return room ? Place::waits : Place::none_left;
  }

  // `who` runs or waits no more, or was never here. Returns who runs now instead.
  std::vector<T> leave(const std::string& host, const T& who) {
    std::vector<T> next;
    auto at = hosts_.find(host);
    if (at == hosts_.end()) return next;
    if (running_.erase(who) > 0) {
      --at->second.running;
    } else {
      waiting_ -=
          std::erase_if(at->second.line, [&](const auto& entry) { return entry.second == who; });
    }
    forget_if_empty(at);
    for (auto first = longest_waiting(); first != hosts_.end(); first = longest_waiting()) {
      next.push_back(first->second.line.front().second);
      first->second.line.pop_front();
      --waiting_;
      run(first, next.back());
    }
    return next;
  }

  // Those who wait for that host; they have left.
  std::vector<T> send_away(const std::string& host) {
    std::vector<T> gone;
    auto at = hosts_.find(host);
    if (at == hosts_.end()) return gone;
    for (auto& entry : std::exchange(at->second.line, {})) gone.push_back(std::move(entry.second));
    waiting_ -= gone.size();
    forget_if_empty(at);
    return gone;
  }

  std::vector<std::string> hosts() const {
    std::vector<std::string> names;
    for (const auto& [name, host] : hosts_) names.push_back(name);
    return names;
  }

  std::size_t waiting() const noexcept { return waiting_; }

 private:
  struct Host {
    std::size_t running = 0;
    std::deque<std::pair<std::uint64_t, T>> line;  // with the number of its entry
  };
  using Hosts = std::map<std::string, Host>;

  bool may_run(const Host& host) const noexcept {
    return host.running < limits_.per_host && running_.size() < limits_.in_total;
  }

  void run(typename Hosts::iterator at, T who) {
    ++at->second.running;
    running_.insert(std::move(who));
  }

  // Of those who may run, the host of the one who entered first; end(): nobody may.
  typename Hosts::iterator longest_waiting() {
    auto best = hosts_.end();
    for (auto at = hosts_.begin(); at != hosts_.end(); ++at) {
      if (at->second.line.empty() || !may_run(at->second)) continue;
      if (best == hosts_.end() || at->second.line.front().first < best->second.line.front().first)
        best = at;
    }
    return best;
  }

  void forget_if_empty(typename Hosts::iterator at) {
    if (at->second.running == 0 && at->second.line.empty()) hosts_.erase(at);
  }

  const LineLimits limits_;
  Hosts hosts_;
  std::set<T> running_;
  std::size_t waiting_ = 0;
  std::uint64_t entered_ = 0;
};

}  // namespace ncps::fetch
