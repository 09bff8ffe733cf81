#include "http/network.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

// Four numbers as everybody reads them: "010.0.0.1" is 8.0.0.1 to some, so it is none.
bool is_dotted(std::string_view text) {
  for (int left = 4; left > 0; --left) {
    auto number = text.substr(0, left > 1 ? text.find('.') : text.npos);
    bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
    if (number.empty() || number.size() > 3 || !digits) return false;
    if ((number.size() > 1 && number[0] == '0') || std::stoi(std::string(number)) > 255)
      return false;
    text.remove_prefix(std::min(number.size() + 1, text.size()));
  }
  return true;
}

IpAddress flipped(const IpAddress& address, unsigned bit) {
  auto bytes = address.bytes();
  bytes[bit / 8] ^= static_cast<std::uint8_t>(0x80U >> bit % 8);
  return IpAddress::v6(bytes);
}

}  // namespace

FUZZ_TARGET(network) {
  auto address = IpAddress::parse(input);
  if (address) {
    CHECK(address->str().size() <= 45 && IpAddress::parse(address->str()) == *address);
    CHECK(address->is_v4() == !address->str().contains(':'));
  }
  if (!input.contains(':')) CHECK(address.has_value() == is_dotted(input));

  auto network = parse_network(input);
  if (!network) {
    CHECK(!address && network.error().kind() == ErrorKind::invalid);
    return;
  }
  if (!network->first) {
    CHECK(input == "unix" && network->contains(std::nullopt));
    return;
  }
  const auto& first = *network->first;
  CHECK(network->bits <= 128 && network->contains(first) && !network->contains(std::nullopt));
  // A bit of the prefix leads out of it, and so does one that makes the other kind of address.
  for (unsigned bit = 0; bit < 128; ++bit) {
    auto other = flipped(first, bit);
    bool within = bit >= network->bits && other.is_v4() == first.is_v4();
    CHECK(network->contains(other) == within);
  }
}

}  // namespace ncps::http
