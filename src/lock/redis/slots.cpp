#include "lock/redis/slots.h"

#include <algorithm>
#include <charconv>

namespace ncps::redis {
namespace {

constexpr auto kTable = [] {
  std::array<std::uint16_t, 256> table{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    unsigned crc = byte << 8;
    for (int bit = 0; bit < 8; ++bit)
      crc = ((crc & 0x8000U) != 0 ? (crc << 1) ^ 0x1021U : crc << 1) & 0xffffU;
    table[byte] = static_cast<std::uint16_t>(crc);
  }
  return table;
}();

std::uint16_t crc16(std::string_view text) noexcept {
  unsigned crc = 0;
  for (char c : text)
    crc = ((crc << 8) ^ kTable[((crc >> 8) ^ static_cast<unsigned char>(c)) & 0xffU]) & 0xffffU;
  return static_cast<std::uint16_t>(crc);
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number out{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

std::optional<std::uint16_t> slot_in(const Reply& reply) {
  if (reply.type != Reply::Type::integer || reply.integer < 0 || reply.integer >= kSlots)
    return std::nullopt;
  return static_cast<std::uint16_t>(reply.integer);
}

// A node that does not know its own name says nil, "" or "?": it is the host that was asked.
std::string host_in(const Reply& reply, const NodeAddress& asked) {
  bool unknown = reply.type != Reply::Type::text || reply.text.empty() || reply.text == "?";
  return unknown ? asked.host : reply.text;
}

}  // namespace

std::uint16_t slot_of(std::string_view key) noexcept {
  auto open = key.find('{');
  if (open != key.npos) {
    auto close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

Result<SlotTable> SlotTable::parse(const Reply& reply, const NodeAddress& asked) {
  auto nonsense = [] {
    return fail(ErrorKind::unavailable, "its answer to CLUSTER SLOTS cannot be understood");
  };
  if (reply.type != Reply::Type::array) return nonsense();
  SlotTable out;
  for (const auto& range : reply.items) {
    auto first = slot_in(range.at(0)), last = slot_in(range.at(1));
    const auto& node = range.at(2);
    const auto& port = node.at(1);
    if (!first || !last || *first > *last || port.type != Reply::Type::integer ||
        port.integer <= 0 || port.integer > 65'535)
      return nonsense();
    out.set(*first, *last,
            {.host = host_in(node.at(0), asked), .port = static_cast<std::uint16_t>(port.integer)});
  }
  return out;
}

const NodeAddress* SlotTable::master(std::uint16_t slot) const noexcept {
  if (of_.empty() || slot >= kSlots || of_[slot] == kNobody) return nullptr;
  return &masters_[of_[slot]];
}

void SlotTable::set(std::uint16_t first, std::uint16_t last, const NodeAddress& master) {
  auto it = std::ranges::find(masters_, master);
  if (it == masters_.end() && masters_.size() >= kMostNodes) return;
  auto index = static_cast<std::uint16_t>(it - masters_.begin());
  if (it == masters_.end()) masters_.push_back(master);
  of_.resize(kSlots, kNobody);
  std::fill(of_.begin() + first, of_.begin() + last + 1, index);
}

std::optional<Redirect> parse_redirect(const Reply& reply, const NodeAddress& asked) {
  bool moved = reply.is_error("MOVED");
  if (!moved && !reply.is_error("ASK")) return std::nullopt;
  std::string_view rest = reply.text;
  rest.remove_prefix(rest.find(' ') == rest.npos ? rest.size() : rest.find(' ') + 1);
  auto space = rest.find(' ');
  if (space == rest.npos) return std::nullopt;
  auto slot = number<std::uint16_t>(rest.substr(0, space));
  auto where = rest.substr(space + 1);
  auto colon = where.rfind(':');  // an IPv6 address has no brackets here
  if (!slot || *slot >= kSlots || colon == where.npos) return std::nullopt;
  auto port = number<std::uint16_t>(where.substr(colon + 1));
  if (!port || *port == 0) return std::nullopt;
  auto host = where.substr(0, colon);
  return Redirect{
      .kind = moved ? Redirect::Kind::moved : Redirect::Kind::ask,
      .slot = *slot,
      .to = {.host = host.empty() || host == "?" ? asked.host : std::string(host), .port = *port}};
}

}  // namespace ncps::redis
