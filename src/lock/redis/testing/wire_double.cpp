#include "lock/redis/testing/wire_double.h"

#include <poll.h>

#include <array>
#include <stdexcept>

namespace ncps::testing {
namespace {

constexpr int kLook = 20;  // ms until a thread looks whether it is to end

bool has_bytes(int socket) {
  pollfd one{.fd = socket, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, kLook) > 0;
}

// nullopt: the other side has closed.
std::optional<std::string> some_bytes(int socket) {
  std::array<char, 65'536> buffer;
  auto size = ::recv(socket, buffer.data(), buffer.size(), 0);
  if (size <= 0) return std::nullopt;
  return std::string(buffer.data(), static_cast<std::size_t>(size));
}

}  // namespace

WireDouble::WireDouble(int server_port, Decide decide)
    : server_port_(server_port), decide_(std::move(decide)) {
  accepter_ = std::thread([this] { accept(); });
}

WireDouble::~WireDouble() {
  stopping_ = true;
  accepter_.join();
  for (auto& thread : threads_) thread.join();
}

redis::NodeAddress WireDouble::address() const {
  return {.host = "127.0.0.1", .port = listener_.port};
}

void WireDouble::accept() {
  while (!stopping_) {
    if (!has_bytes(listener_.fd.get())) continue;
    int client = ::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    ++connections_;
    threads_.emplace_back([this, client] { serve(client); });
  }
}

void WireDouble::serve(int client) {
  int server = -1;
  if (server_port_ != 0) {
    server = connect_to_loopback(server_port_);
    if (server < 0) throw std::runtime_error("the double finds no server");
  }
  std::optional<std::size_t> left;  // of the answer, until the cut
  for (bool alive = true; alive && !stopping_;) {
    if (has_bytes(client)) {
      auto command = some_bytes(client);
      if (!command) break;
      auto fate = decide_(*command);
      left = fate.cut_at;
      if (fate.answer) {
        alive = send_all(client, *fate.answer) && !fate.close;
      } else if (server >= 0) {
        alive = send_all(server, *command);
      }
    }
    if (server >= 0 && has_bytes(server)) {
      auto answer = some_bytes(server);
      if (!answer) break;
      if (left && answer->size() >= *left) {
        send_all(client, std::string_view(*answer).substr(0, *left));
        break;
      }
      alive = send_all(client, *answer);
    }
  }
  ::close(client);
  if (server >= 0) ::close(server);
}

std::optional<std::string> greeting(std::string_view command) {
  if (command.find("PING") != command.npos) return "+PONG\r\n";
  if (command.find("SETNAME") != command.npos) return "+OK\r\n";
  if (command.find("SUBSCRIBE") != command.npos)
    return "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n";
  return std::nullopt;
}

}  // namespace ncps::testing
