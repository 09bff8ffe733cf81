#include "http/proxy_header.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::http {
namespace {

using std::string_literals::operator""s;
using Client = ProxyHeader::Client;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string binary(char command, char family, const std::string& rest) {
  auto size = static_cast<unsigned>(rest.size());
  return kSignature + command + family + static_cast<char>(size >> 8) +
         static_cast<char>(size & 0xff) + rest;
}

const std::string kInet = "\xc0\x00\x02\x07\x0a\x00\x00\x01\xdc\x04\x01\xbb"s;
const std::string kInet6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07"s +
                           std::string(16, '\x01') + "\xdc\x04\x01\xbb"s;
const std::string kTlvs = "\x01\x00\x02h2\x04\x00\x00\x20\x00\x03xyz"s;

struct Good {
  std::string header;
  Client client;
  std::string address;
};

std::vector<Good> good() {
  return {
      {"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n", Client::address, "192.0.2.7"},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 0\r\n", Client::address,
       "255.255.255.255"},
      {"PROXY TCP6 2001:db8::7 ::1 1 65535\r\n", Client::address, "2001:db8::7"},
      {"PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n", Client::address, "192.0.2.7"},
      {"PROXY UNKNOWN\r\n", Client::proxy, ""},
      {"PROXY UNKNOWN ffff:f...f:ffff whatever 1 2\r\n", Client::proxy, ""},
      {"PROXY UNKNOWN " + std::string(91, 'x') + "\r\n", Client::proxy, ""},
      {binary(0x21, 0x11, kInet), Client::address, "192.0.2.7"},
      {binary(0x21, 0x11, kInet + kTlvs), Client::address, "192.0.2.7"},
      {binary(0x21, 0x21, kInet6), Client::address, "2001:db8::7"},
      {binary(0x21, 0x21, kInet6 + std::string(4000, 't')), Client::address, "2001:db8::7"},
      {binary(0x21, 0x31, std::string(216, 'u')), Client::unix, ""},
      {binary(0x21, 0x00, ""), Client::proxy, ""},
      {binary(0x21, 0x00, kTlvs), Client::proxy, ""},
      {binary(0x20, 0x00, ""), Client::proxy, ""},
      {binary(0x20, 0x11, kInet), Client::proxy, ""},
      {binary(0x20, 0x7f, kTlvs), Client::proxy, ""},
  };
}

TEST(ProxyHeader, TellsTheClientAndItsOwnSizeWhateverFollows) {
  for (const auto& row : good()) {
    for (const auto& behind : {""s, "G"s, "GET / HTTP/1.1\r\n\r\n"s, row.header}) {
      auto decoded = decode_proxy_header(row.header + behind);
      ASSERT_TRUE(decoded) << row.header << decoded.error().what();
      ASSERT_TRUE(*decoded) << row.header;
      EXPECT_EQ((*decoded)->size, row.header.size()) << row.header;
      EXPECT_EQ((*decoded)->client, row.client) << row.header;
      EXPECT_EQ((*decoded)->address ? (*decoded)->address->str() : "", row.address) << row.header;
    }
  }
}

// Whoever reads it may take all that came, as long as there is no end.
TEST(ProxyHeader, WantsMoreUntilItIsWhole) {
  for (const auto& row : good()) {
    for (std::size_t size = 0; size < row.header.size(); ++size) {
      auto decoded = decode_proxy_header(row.header.substr(0, size));
      ASSERT_TRUE(decoded) << row.header << " at " << size << decoded.error().what();
      EXPECT_FALSE(*decoded) << row.header << " at " << size;
    }
  }
}

TEST(ProxyHeader, RefusesEverythingElse) {
  const std::string rows[] = {
      "GET / HTTP/1.1\r\n",
      "G",
      "\n",
      "proxy TCP4 192.0.2.7 10.0.0.1 1 1\r\n",
      "PROXY\r\n",
      "PROXY \r\n",
      "PROXY TCP4\r\n",
      "PROXY  TCP4 192.0.2.7 10.0.0.1 1 1\r\n",
      "PROXY TCP4  192.0.2.7 10.0.0.1 1 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 1 \r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 1 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 \r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 01 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 65536 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 -1 1\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 http\r\n",
      "PROXY TCP4 192.0.2.07 10.0.0.1 1 1\r\n",
      "PROXY TCP4 ::1 10.0.0.1 1 1\r\n",
      "PROXY TCP4 192.0.2.7 ::1 1 1\r\n",
      "PROXY TCP6 192.0.2.7 ::1 1 1\r\n",
      "PROXY TCP6 [::1] ::1 1 1\r\n",
      "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n",
      "PROXY UDP4 192.0.2.7 10.0.0.1 1 1\r\n",
      "PROXY UNKNOWNX\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 1\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 1\n\r\n",
      "PROXY TCP4 192.0.2.7 10.0.0.1 1 1\rX",
      "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n",
      "PROXY UNKNOWN " + std::string(200, 'x'),
      "PROXY TCP4 192.0.2.7\0 10.0.0.1 1 1\r\n"s,
      "\r\n\r\nGET",
      "\r\n\r\n\0\r\nQUIX"s,
      binary(0x11, 0x11, kInet),
      binary(0x31, 0x11, kInet),
      binary(0x22, 0x11, kInet),
      binary(0x01, 0x11, kInet),
      binary(0x21, 0x12, kInet),
      binary(0x21, 0x01, kInet),
      binary(0x21, 0x41, kInet6),
      binary(0x21, 0x11, kInet.substr(1)),
      binary(0x21, 0x21, kInet),
      binary(0x21, 0x31, kInet6),
      kSignature + "\x21\x11\x0f\xf1"s,
      kSignature + "\x20\x00\xff\xff"s,
  };
  for (const auto& row : rows) EXPECT_FALSE(decode_proxy_header(row)) << row;
}

}  // namespace
}  // namespace ncps::http
