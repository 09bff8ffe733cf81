#include "http/linger.h"

#include <array>
#include <chrono>
#include <cstddef>

namespace ncps::http {

namespace asio = boost::asio;

namespace {

constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1024ul * 1024;

}  // namespace

asio::awaitable<void> linger(Connection& connection) {
  connection.shutdown_send();
  connection.receive_until(coarse_now() + kLingerTime);
  std::size_t discarded = 0;
  while (discarded < kLingerBytes) {
    std::array<char, 4096> bin;
    auto size = co_await connection.receive(bin);
    if (size == 0) break;
    discarded += size;
  }
}

}  // namespace ncps::http
