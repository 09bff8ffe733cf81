// For bench/tcp.py: put before a server (LD_PRELOAD), gives its TCP connections other settings than its own.
//
// TCP_SHIM is a list: "nagle" (TCP_NODELAY is not set), "no-more" (no MSG_MORE), "kernels-buffer" (SO_SNDBUF is not set),
// "sndbuf=BYTES" (where the server sets it), "lowat=BYTES" (TCP_NOTSENT_LOWAT, of what is accepted). Source: tcp(7), socket(7).
#include <dlfcn.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdlib>
#include <string_view>

namespace {

std::string_view wishes() {
  static const char* text = std::getenv("TCP_SHIM");
  return text == nullptr ? std::string_view() : text;
}

bool wished(std::string_view what) {
  return wishes().find(what) != std::string_view::npos;
}

// Of "name=number"; 0: not named.
int number_of(std::string_view name) {
  auto at = wishes().find(name);
  return at == std::string_view::npos ? 0 : std::atoi(wishes().data() + at + name.size());
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int accepted(int fd) {
  static auto* set = next<decltype(::setsockopt)>("setsockopt");
  static const int unsent = number_of("lowat=");
  if (fd >= 0 && unsent > 0) set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  return fd;
}

}  // namespace

extern "C" {

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  static auto* real = next<decltype(::setsockopt)>("setsockopt");
  if (level == IPPROTO_TCP && name == TCP_NODELAY && wished("nagle")) return 0;
  if (level == SOL_SOCKET && name == SO_SNDBUF) {
    static const bool none = wished("kernels-buffer");
    static const int other = number_of("sndbuf=");
    if (none) return 0;
    if (other > 0) return real(fd, level, name, &other, sizeof other);
  }
  return real(fd, level, name, value, size);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* real = next<decltype(::sendmsg)>("sendmsg");
  static const bool no_more = wished("no-more");
  return real(fd, message, no_more ? flags & ~MSG_MORE : flags);
}

int accept(int fd, sockaddr* address, socklen_t* size) {
  static auto* real = next<decltype(::accept)>("accept");
  return accepted(real(fd, address, size));
}

int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static auto* real = next<decltype(::accept4)>("accept4");
  return accepted(real(fd, address, size, flags));
}
}
