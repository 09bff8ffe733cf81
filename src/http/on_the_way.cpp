#include "http/on_the_way.h"

#include <sys/socket.h>

#include "http/caller.h"

namespace ncps::http {
namespace {

void set(OnTheWay::Socket& socket, int option, int value) noexcept {
  // If it fails all stays as it is.
  ::setsockopt(socket.native_handle(), SOL_SOCKET, option, &value, sizeof value);
}

}  // namespace

bool on_one_machine(const IpAddress& own, const IpAddress& other) noexcept {
  return own == other || (own.is_loopback() && other.is_loopback());
}

OnTheWay::OnTheWay(Socket& socket) noexcept {
  boost::system::error_code gone;
  auto own = address_of(socket.local_endpoint(gone));
  auto other = address_of(socket.remote_endpoint(gone));
  near_ = !gone && own && other && on_one_machine(*own, *other);
  keep_little(socket, true);
}

void OnTheWay::keep_little(Socket& socket, bool little) noexcept {
  if (!near_ || little == little_) return;
  little_ = little;
  if (little) {
    set(socket, SO_SNDBUF, kLittle / 2);  // the kernel doubles it, and keeps to it
  } else {
    set(socket, SO_BUF_LOCK, 0);  // it may choose again
  }
}

}  // namespace ncps::http
