// Slots: which node of a Redis cluster has which keys. Pure.
//
// Source: the Redis cluster specification: 16,384 slots, CRC-16/XMODEM of the key, or of what stands
// between the first '{' and the next '}' of it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lock/redis/node_address.h"
#include "lock/redis/reply.h"

namespace ncps::redis {

inline constexpr std::uint16_t kSlots = 16'384;

std::uint16_t slot_of(std::string_view key) noexcept;

class SlotTable {
 public:
  static constexpr std::size_t kMostNodes = 1'000;

  // Made of the answer to CLUSTER SLOTS that `asked` gave; it may leave out its own host. Errors:
  // unavailable, for an answer that nobody understands.
  static Result<SlotTable> parse(const Reply& reply, const NodeAddress& asked);

  // nullptr: nobody is known to have it.
  const NodeAddress* master(std::uint16_t slot) const noexcept;

  void set(std::uint16_t first, std::uint16_t last, const NodeAddress& master);

  // The masters, each once, also those that lost their last slot since.
  const std::vector<NodeAddress>& masters() const noexcept { return masters_; }

 private:
  static constexpr std::uint16_t kNobody = 0xffff;

  std::vector<NodeAddress> masters_;
  std::vector<std::uint16_t> of_;  // index into masters_; empty: nothing is known
};

// "MOVED 3999 127.0.0.1:6381", "ASK 3999 :6381": who is to be asked instead.
struct Redirect {
  enum class Kind : std::uint8_t { moved, ask };
  Kind kind;
  std::uint16_t slot;
  NodeAddress to;
};

// nullopt: it is no redirect, or none that can be understood.
std::optional<Redirect> parse_redirect(const Reply& reply, const NodeAddress& asked);

}  // namespace ncps::redis
