#include "lock/named_signals.h"

#include <vector>

namespace ncps::lock {

NamedSignals::NamedSignals() : map_(std::make_shared<Guarded<Map>>()) {}

std::shared_ptr<Signal> NamedSignals::of(const std::string& name) {
  // Made before the lock is taken, because its end takes the lock as well.
  auto leave = [map = map_, name](Signal* signal) {
    delete signal;
    map->with([&](Map& all) {
      auto it = all.find(name);
      if (it != all.end() && it->second.expired()) all.erase(it);  // else it is another's by now
    });
  };
  auto fresh = std::shared_ptr<Signal>(new Signal, std::move(leave));
  return map_->with([&](Map& all) {
    auto& place = all[name];
    if (auto there = place.lock()) return there;
    place = fresh;
    return fresh;
  });
}

void NamedSignals::notify(const std::string& name) {
  auto signal = map_->with([&](Map& all) {
    auto it = all.find(name);
    return it == all.end() ? nullptr : it->second.lock();
  });
  if (signal) signal->notify();
}

void NamedSignals::notify_all() {
  auto signals = map_->with([](Map& all) {
    std::vector<std::shared_ptr<Signal>> living;
    living.reserve(all.size());
    for (auto& [name, signal] : all)
      if (auto there = signal.lock()) living.push_back(std::move(there));
    return living;
  });
  for (auto& signal : signals) signal->notify();
}

std::size_t NamedSignals::size() const {
  return map_->with([](const Map& all) { return all.size(); });
}

}  // namespace ncps::lock
