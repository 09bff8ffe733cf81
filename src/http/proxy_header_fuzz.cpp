#include "http/proxy_header.h"

#include <algorithm>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

std::string line_for(const IpAddress& client) {
  bool v4 = client.is_v4();
  return (v4 ? "PROXY TCP4 " : "PROXY TCP6 ") + client.str() + (v4 ? " 192.0.2.1" : " ::1") +
         " 1 65535\r\n";
}

std::string binary_for(const IpAddress& client, std::string_view more) {
  std::string out("\r\n\r\n\0\r\nQUIT\n\x21\x21", 14);
  auto size = 36 + more.size();
  out += {static_cast<char>(size >> 8), static_cast<char>(size)};
  for (auto byte : client.bytes()) out += static_cast<char>(byte);
  return out.append(20, '\x07').append(more);
}

// What a proxy writes for a client means that client, once it is here as a whole.
void check_written(const std::string& header, const IpAddress& client) {
  for (std::size_t size = 0; size < header.size(); ++size) {
    auto part = decode_proxy_header(std::string_view(header).substr(0, size));
    CHECK(part && !*part);
  }
  auto whole = decode_proxy_header(header + "PROXY TCP4 6.6.6.6 6.6.6.6 6 6\r\n");
  CHECK(whole && *whole && (*whole)->size == header.size());
  CHECK((*whole)->client == ProxyHeader::Client::address && (*whole)->address == client);
}

}  // namespace

FUZZ_TARGET(proxy_header) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(input.substr(0, bytes.size()), bytes.begin());
  for (const auto& client : {IpAddress::v6(bytes), IpAddress::v4(std::span(bytes).first<4>())}) {
    check_written(line_for(client), client);
    check_written(binary_for(client, input.substr(0, 100)), client);
  }

  auto header = decode_proxy_header(input);
  // However it arrives: a part of a good header is never refused, and means nothing yet.
  for (std::size_t size = 0; size < input.size(); ++size) {
    auto part = decode_proxy_header(input.substr(0, size));
    if (!header) break;  // refused as soon as it can be
    CHECK(part);
    bool whole = *header && size >= (*header)->size;
    CHECK(part->has_value() == whole);
  }
  if (!header || !*header) return;
  const auto& found = **header;
  CHECK(found.size > 0 && found.size <= input.size() && found.size <= ProxyHeader::kMostBytes);
  CHECK((found.client == ProxyHeader::Client::address) == found.address.has_value());
  // What stands behind it is not looked at.
  auto alone = decode_proxy_header(input.substr(0, found.size));
  CHECK(alone && *alone && (*alone)->size == found.size && (*alone)->client == found.client);
}

}  // namespace ncps::http
