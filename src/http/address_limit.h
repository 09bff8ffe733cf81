// AddressLimit: how many connections one client address may have at once.
//
// Of IPv6 the first 64 bits count: that is what one client can have all of. Thread-safe. Memory: one
// entry for each address that has a connection.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "base/guarded.h"
#include "http/network.h"

namespace ncps::http {

class AddressLimit {
 public:
  // `most` 0: no limit, and nothing is counted.
  explicit AddressLimit(std::size_t most) : most_(most) {}

  // One connection; destroying it gives it back. Must go before its AddressLimit.
  class Place {
   public:
    Place(AddressLimit* of, const IpAddress& key) : of_(of), key_(key) {}
    Place(Place&& other) noexcept : of_(std::exchange(other.of_, nullptr)), key_(other.key_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (of_ != nullptr) of_->give_back(key_);
    }

   private:
    AddressLimit* of_;
    IpAddress key_;
  };

  // nullopt: it has as many as it may.
  std::optional<Place> take(const IpAddress& address);

  std::size_t addresses() const {
    return counts_.with([](const auto& counts) { return counts.size(); });
  }

 private:
  void give_back(const IpAddress& key);

  const std::size_t most_;
  Guarded<std::map<IpAddress, std::size_t>> counts_;
};

}  // namespace ncps::http
