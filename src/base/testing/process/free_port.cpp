#include "base/testing/process/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <random>
#include <stdexcept>

namespace ncps::testing {
namespace {

bool is_free(int port) {
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

}  // namespace

int free_port() {
  std::random_device dice;
  std::uniform_int_distribution<int> ports(12'000, 32'000);
  for (int tries = 0; tries < 1000; ++tries)
    if (int port = ports(dice); is_free(port)) return port;
  throw std::runtime_error("no free port");
}

}  // namespace ncps::testing
