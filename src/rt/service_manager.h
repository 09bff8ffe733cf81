// ServiceManager: systemd, as a service sees it. What it hands over at the start, and what it wants
// to be told.
//
// Source: sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3). It is a datagram socket and a few
// environment variables, so none of systemd's libraries is needed. Thread-safe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace ncps {

class ServiceManager {
 public:
  using Environment = std::function<std::optional<std::string>(std::string_view)>;

  // Where nobody supervises us there is no socket, no watchdog, and telling does nothing. Variables
  // that are for another process than `pid` mean nothing. Errors: invalid, if more than one socket
  // was handed over, or a variable is none of systemd's.
  static Result<ServiceManager> find(const Environment& environment, pid_t pid);

  // The descriptor of the socket that it listens on for us; it is ours to close.
  std::optional<int> socket() const noexcept { return socket_; }
  // It kills us when it has not heard alive() for that long.
  std::optional<std::chrono::microseconds> patience() const noexcept { return patience_; }

  // A failure to tell is logged: nothing that we do depends on it.
  void ready(std::string_view status) const;
  void reloading() const;
  void stopping(std::string_view status) const;
  void alive() const;

 private:
  ServiceManager() = default;
  void tell(const std::string& message, int flags = 0) const;

  std::string address_;  // as in sockaddr_un; empty: there is nobody to tell
  UniqueFd sender_;
  std::optional<int> socket_;
  std::optional<std::chrono::microseconds> patience_;
};

}  // namespace ncps
