// What a server bears from its clients, and which proxies before it it believes. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "http/forwarded.h"
#include "http/network.h"

namespace ncps::http {

struct ServerLimits {
  std::size_t max_connections = 16'384;     // further ones get 503 and are closed
  std::size_t max_per_client = 4'096;       // of one address; further ones get 429; 0: any number
  std::size_t max_head_bytes = 32 * 1024;   // 431 beyond
  std::size_t max_target_bytes = 8 * 1024;  // 414 beyond
  std::size_t max_streams = 256;            // requests of one HTTP/2 connection at once
  std::chrono::milliseconds head_timeout{
      30'000};  // from a request's first byte to the end of its head
  std::chrono::milliseconds body_timeout{30'000};  // without a byte of a request's body
  std::chrono::milliseconds idle_timeout{
      150'000};  // between requests; Nix keeps idle connections for 118 s
  std::chrono::milliseconds write_timeout{
      600'000};  // without a byte taken by the client; Nix pauses for minutes
};

struct Proxies {
  // Connections from there begin with a PROXY header; from elsewhere it is not looked for.
  std::vector<Network> send_header;
  // Requests from there name their client in `named_by`. They are no clients: max_per_client is
  // not theirs.
  std::vector<Network> trusted;
  HopHeader named_by = HopHeader::x_forwarded_for;
  std::chrono::milliseconds header_timeout{10'000};  // for all of a PROXY header
};

}  // namespace ncps::http
