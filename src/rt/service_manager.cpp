#include "rt/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <system_error>

#include "telemetry/log.h"

namespace ncps {
namespace {

constexpr int kFirst = 3;  // descriptors that are handed over begin here: sd_listen_fds(3)

using Number = std::optional<long long>;

Result<Number> number_in(const ServiceManager::Environment& environment, std::string_view name) {
  auto text = environment(name);
  if (!text || text->empty()) return Number();
  long long value = 0;
  auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || stop != text->data() + text->size() || value < 0)
    return fail(ErrorKind::invalid, "the variable " + std::string(name) + " is not a number");
  return Number(value);
}

// As the kernel wants it: '@' stands for the zero byte of a name without a file.
Result<std::string> notify_address(const ServiceManager::Environment& environment) {
  auto address = environment("NOTIFY_SOCKET").value_or("");
  if (address.empty()) return address;
  bool known = address[0] == '/' || address[0] == '@';
  if (!known || address.size() >= sizeof(sockaddr_un::sun_path))
    return fail(ErrorKind::invalid, "the variable NOTIFY_SOCKET is no address of a Unix socket");
  if (address[0] == '@') address[0] = '\0';
  return address;
}

// Blocks for seconds at most, when systemd does not keep up.
UniqueFd make_sender() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  timeval patience{.tv_sec = 5, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return fd;
}

std::string monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::to_string(now.tv_sec * 1'000'000LL + now.tv_nsec / 1000);
}

}  // namespace

Result<ServiceManager> ServiceManager::find(const Environment& environment, pid_t pid) {
  ServiceManager manager;
  TRY(manager.address_, notify_address(environment));
  if (!manager.address_.empty()) manager.sender_ = make_sender();

  TRY(auto listen_pid, number_in(environment, "LISTEN_PID"));
  TRY(auto sockets, number_in(environment, "LISTEN_FDS"));
  if (listen_pid == pid && sockets.value_or(0) > 0) {
    if (*sockets > 1)
      return fail(ErrorKind::invalid, "systemd hands over " + std::to_string(*sockets) +
                                          " sockets, and one is taken: keep one ListenStream= in "
                                          "the socket unit");
    manager.socket_ = kFirst;
    ::fcntl(kFirst, F_SETFD, FD_CLOEXEC);
  }

  TRY(auto watchdog_pid, number_in(environment, "WATCHDOG_PID"));
  TRY(auto patience, number_in(environment, "WATCHDOG_USEC"));
  if (watchdog_pid.value_or(pid) == pid && patience.value_or(0) > 0)
    manager.patience_ = std::chrono::microseconds(*patience);
  return manager;
}

void ServiceManager::ready(std::string_view status) const {
  tell("READY=1\nSTATUS=" + std::string(status));
}

void ServiceManager::reloading() const {
  tell("RELOADING=1\nMONOTONIC_USEC=" + monotonic_microseconds());
}

void ServiceManager::stopping(std::string_view status) const {
  tell("STOPPING=1\nSTATUS=" + std::string(status));
}

void ServiceManager::alive() const {
  tell("WATCHDOG=1", MSG_DONTWAIT);  // from an io loop; the next one follows
}

void ServiceManager::tell(const std::string& message, int flags) const {
  if (address_.empty()) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  auto sent = ::sendto(sender_.get(), message.data(), message.size(), MSG_NOSIGNAL | flags,
                       reinterpret_cast<const sockaddr*>(&to), size);
  if (sent >= 0) return;
  log::warn("systemd could not be told how we are", {{"error", std::strerror(errno)}});
}

}  // namespace ncps
