// At which kind of address each host was when we were last connected to it. For this folder only, and for the
// curl thread alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "fetch/elsewhere.h"

namespace ncps::fetch {

class Homes {
 public:
  static constexpr std::size_t kMost = 1'000;  // then it begins anew: what is not known is open

  // `origin`: as origin_of has it.
  void note(const std::string& origin, AddressClass where) {
    if (known_.size() >= kMost && !known_.contains(origin)) known_.clear();
    known_[origin] = where;
  }

  std::optional<AddressClass> find(const std::string& origin) const {
    auto it = known_.find(origin);
    return it == known_.end() ? std::nullopt : std::optional(it->second);
  }

 private:
  std::map<std::string, AddressClass> known_;
};

}  // namespace ncps::fetch
