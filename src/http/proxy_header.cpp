#include "http/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace ncps::http {
namespace {

using Decoded = Result<std::optional<ProxyHeader>>;
using Client = ProxyHeader::Client;

constexpr std::string_view kVersion1 = "PROXY ";
constexpr std::size_t kMostLine = 107;  // with CRLF
constexpr std::string_view kVersion2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kFixed = 16;  // bytes of a version 2 before its addresses

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::invalid, std::string(why));
}

// True if `text` may still become `whole`, or begins with it.
bool may_be(std::string_view text, std::string_view whole) {
  return text.substr(0, whole.size()) == whole.substr(0, text.size());
}

bool is_port(std::string_view text) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, digit)) return false;
  if (text.size() > 1 && text[0] == '0') return false;
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value <= 65535;
}

// An address of that family, as the protocol's name says it.
std::optional<IpAddress> address_of(std::string_view text, bool v6) {
  if (text.contains(':') != v6) return std::nullopt;
  return IpAddress::parse(text);
}

// `line`: what follows "PROXY ", without CRLF.
Result<ProxyHeader> read_line(std::string_view line) {
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return ProxyHeader{};
  std::array<std::string_view, 5> words;  // protocol, source, destination, their ports
  for (auto& word : words) {
    auto space = line.find(' ');
    bool last = &word == &words.back();
    if ((space == std::string_view::npos) != last) return refuse("its line has not six words");
    word = line.substr(0, space);
    if (!last) line.remove_prefix(space + 1);
  }
  bool v6 = words[0] == "TCP6";
  if (!v6 && words[0] != "TCP4") return refuse("its protocol is not TCP4, TCP6 or UNKNOWN");
  auto source = address_of(words[1], v6);
  if (!source || !address_of(words[2], v6)) return refuse("its addresses are none");
  if (!is_port(words[3]) || !is_port(words[4])) return refuse("its ports are none");
  return ProxyHeader{.client = Client::address, .address = source};
}

Decoded decode_line(std::string_view text) {
  auto end = text.substr(0, kMostLine).find('\r');
  if (end == std::string_view::npos) {
    if (text.size() >= kMostLine) return refuse("its line is too long");
    if (text.contains('\n')) return refuse("its line does not end in CRLF");
    return std::nullopt;
  }
  auto line = text.substr(0, end);
  if (line.contains('\n')) return refuse("its line does not end in CRLF");
  if (end + 1 == text.size() && end + 2 <= kMostLine) return std::nullopt;
  if (end + 2 > kMostLine) return refuse("its line is too long");
  if (text[end + 1] != '\n') return refuse("its line does not end in CRLF");
  TRY(auto header, read_line(line.substr(kVersion1.size())));
  header.size = end + 2;
  return header;
}

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

template <std::size_t N>
std::array<std::uint8_t, N> bytes_of(std::string_view text) {
  std::array<std::uint8_t, N> bytes;
  for (std::size_t i = 0; i < N; ++i) bytes[i] = byte_at(text, i);
  return bytes;
}

// `family`: address family and transport; `rest`: addresses and TLVs.
Result<ProxyHeader> read_addresses(std::uint8_t family, std::string_view rest) {
  constexpr std::size_t kInet = 12, kInet6 = 36, kUnix = 216;
  switch (family) {
    case 0x00: return ProxyHeader{};
    case 0x11:
      if (rest.size() < kInet) break;
      return ProxyHeader{.client = Client::address, .address = IpAddress::v4(bytes_of<4>(rest))};
    case 0x21:
      if (rest.size() < kInet6) break;
      return ProxyHeader{.client = Client::address, .address = IpAddress::v6(bytes_of<16>(rest))};
    case 0x31:
      if (rest.size() < kUnix) break;
      return ProxyHeader{.client = Client::unix};
    default: return refuse("its connection is no stream of IPv4, IPv6 or a Unix socket");
  }
  return refuse("its length is too small for its addresses");
}

Decoded decode_binary(std::string_view text) {
  if (text.size() > 12) {
    auto command = byte_at(text, 12);
    if (command != 0x20 && command != 0x21)
      return refuse("its version is not 2, or its command neither LOCAL nor PROXY");
  }
  if (text.size() < kFixed) return std::nullopt;
  std::size_t size = kFixed + std::size_t{256} * byte_at(text, 14) + byte_at(text, 15);
  if (size > ProxyHeader::kMostBytes) return refuse("it is too long");
  if (text.size() < size) return std::nullopt;
  ProxyHeader header;
  if (byte_at(text, 12) == 0x21) {
    TRY(header, read_addresses(byte_at(text, 13), text.substr(kFixed, size - kFixed)));
  }
  header.size = size;
  return header;
}

}  // namespace

Decoded decode_proxy_header(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (may_be(text, kVersion1))
    return text.size() < kVersion1.size() ? Decoded(std::nullopt) : decode_line(text);
  if (may_be(text, kVersion2))
    return text.size() < kVersion2.size() ? Decoded(std::nullopt) : decode_binary(text);
  return refuse("there is none");
}

}  // namespace ncps::http
