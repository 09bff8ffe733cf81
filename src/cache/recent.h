// Recent: a map of bounded size that forgets what was put longest ago, up to a half of it at once.
//
// Two generations: when the younger one holds its half, the older one is forgotten. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <utility>

namespace ncps::cache {

template <class Key, class Value>
class Recent {
 public:
  // The last half of `most` entries is always there. REQUIRES: most >= 2.
  explicit Recent(std::size_t most) : half_(most / 2) {}

  // False: it was there already; then its value is the new one.
  bool put(const Key& key, Value value) {
    if (auto it = young_.find(key); it != young_.end()) {
      it->second = std::move(value);
      return false;
    }
    bool fresh = old_.erase(key) == 0;
    if (young_.size() >= half_) old_ = std::exchange(young_, {});
    young_.emplace(key, std::move(value));
    return fresh;
  }

  // What was put; it is forgotten here. nullopt: never put, or forgotten.
  std::optional<Value> take(const Key& key) {
    for (auto* map : {&young_, &old_}) {
      auto node = map->extract(key);
      if (!node.empty()) return std::move(node.mapped());
    }
    return std::nullopt;
  }

  std::size_t size() const noexcept { return young_.size() + old_.size(); }

 private:
  std::size_t half_;
  std::unordered_map<Key, Value> young_, old_;
};

}  // namespace ncps::cache
