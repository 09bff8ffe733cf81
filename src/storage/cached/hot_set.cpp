#include "storage/cached/hot_set.h"

namespace ncps::storage {

bool HotSet::adopt(const std::string& key, std::uint64_t size) {
  if (by_key_.contains(key) || size > limit_ || bytes_ > limit_ - size) return false;
  by_key_[key] = copies_.insert(copies_.end(), {key, size, Stage::there});
  bytes_ += size;
  return true;
}

std::optional<std::uint64_t> HotSet::use(const std::string& key) {
  auto at = by_key_.find(key);
  if (at == by_key_.end() || at->second->stage != Stage::there) return std::nullopt;
  copies_.splice(copies_.end(), copies_, at->second);
  return at->second->size;
}

std::optional<std::vector<std::string>> HotSet::want(const std::string& key, std::uint64_t size) {
  if (by_key_.contains(key) || !seen_before(key)) return std::nullopt;
  if (size > limit_ / 2 || copying_ == kAtOnce) return std::nullopt;
  std::uint64_t held = 0;  // by what cannot be removed
  for (const auto& copy : copies_)
    if (copy.stage != Stage::there) held += copy.size;
  if (held > limit_ - size) return std::nullopt;
  std::vector<std::string> removed;
  for (auto copy = copies_.begin(); bytes_ > limit_ - size;) {
    auto next = std::next(copy);
    if (copy->stage == Stage::there) {
      removed.push_back(copy->key);
      drop(copy);
    }
    copy = next;
  }
  by_key_[key] = copies_.insert(copies_.end(), {key, size, Stage::copying});
  bytes_ += size;
  ++copying_;
  return removed;
}

bool HotSet::copied(const std::string& key) {
  auto copy = by_key_.at(key);
  --copying_;
  bool good = copy->stage == Stage::copying;
  if (good) {
    copy->stage = Stage::there;
  } else {
    drop(copy);
  }
  return good;
}

void HotSet::gave_up(const std::string& key) {
  --copying_;
  drop(by_key_.at(key));
}

bool HotSet::forget(const std::string& key) {
  auto at = by_key_.find(key);
  if (at == by_key_.end()) return false;
  if (at->second->stage == Stage::there) {
    drop(at->second);
    return true;
  }
  at->second->stage = Stage::forgotten;
  return false;
}

bool HotSet::seen_before(const std::string& key) {
  if (auto at = seen_by_key_.find(key); at != seen_by_key_.end()) {
    seen_.splice(seen_.end(), seen_, at->second);
    return true;
  }
  seen_by_key_[key] = seen_.insert(seen_.end(), key);
  if (seen_.size() > kRemembered) {
    seen_by_key_.erase(seen_.front());
    seen_.pop_front();
  }
  return false;
}

void HotSet::drop(Copies::iterator copy) {
  bytes_ -= copy->size;
  by_key_.erase(copy->key);
  copies_.erase(copy);
}

}  // namespace ncps::storage
