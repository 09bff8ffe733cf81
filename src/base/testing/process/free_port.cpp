#include "base/testing/process/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace ncps::testing {
namespace {

constexpr int kFirst = 12'000, kLast = 32'000;

}  // namespace

bool is_free_port(int port) {
  if (port < kFirst || port > kLast) return false;
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(socket);
  return bound;
}

int free_port() {
  std::random_device dice;
  std::uniform_int_distribution<int> ports(kFirst, kLast);
  for (int tries = 0; tries < 1000; ++tries)
    if (int port = ports(dice); is_free_port(port)) return port;
  throw std::runtime_error("no free port");
}

}  // namespace ncps::testing
