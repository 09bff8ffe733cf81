#include "db/soci/testing/wire.h"

#include <poll.h>

#include <vector>

namespace ncps::testing {
namespace {

// Source: MySQL's protocol, "Protocol::HandshakeV10": after the version's NUL 4 + 8 + 1 bytes, then
// the lower half of the capabilities, in which 0x0800 is CLIENT_SSL.
void hide_tls(std::string& handshake) {
  auto version_end = handshake.find('\0', 5);
  auto at = version_end + 1 + 4 + 8 + 1 + 1;
  if (version_end != handshake.npos && at < handshake.size())
    handshake[at] = static_cast<char>(handshake[at] & ~0x08);
}

// Source: PostgreSQL, "Message Formats", SSLRequest.
bool asks_for_tls(std::string_view bytes) {
  return bytes == std::string_view("\0\0\0\x08\x04\xd2\x16\x2f", 8);
}

}  // namespace

Wire::Wire(db::DatabaseKind kind, int server_port) : kind_(kind), server_port_(server_port) {
  thread_ = std::thread([this] { run(); });
}

Wire::~Wire() {
  stopping_ = true;
  thread_.join();
  while (!links_.empty()) hang_up(links_.begin()->first);
}

void Wire::cut_turn(int n, Cut cut, bool for_good) {
  cut_ = cut;
  for_good_ = for_good;
  was_cut_ = dead_ = false;
  turns_left_ = n;
}

void Wire::heal() {
  turns_left_ = 0;
  dead_ = false;
}

bool Wire::is_cut(Link& from_client) {
  if (turns_left_ == 0) return false;
  --turns_left_;
  if (turns_left_ > 0) return false;
  was_cut_ = true;
  dead_ = for_good_.load();
  if (cut_ == Cut::question) return true;
  links_[from_client.peer].loses_answer = true;
  return false;
}

void Wire::run() {
  while (!stopping_) {
    std::vector<pollfd> all = {{.fd = listener_.fd.get(), .events = POLLIN, .revents = 0}};
    if (!frozen_)
      for (const auto& [end, link] : links_)
        all.push_back({.fd = end, .events = POLLIN, .revents = 0});
    ::poll(all.data(), all.size(), 5);  // wakes to look at the flags
    if (all[0].revents != 0) accept();
    for (std::size_t i = 1; i < all.size(); ++i) {
      bool there = links_.contains(all[i].fd);
      if (all[i].revents != 0 && there && !pass_on(all[i].fd)) hang_up(all[i].fd);
    }
  }
}

void Wire::accept() {
  int client = ::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
  if (client < 0) return;
  int server = dead_ ? -1 : connect_to_loopback(server_port_);
  if (server < 0) {
    ::close(client);
    return;
  }
  ++connections_;
  links_[client] = {.peer = server, .from_client = true};
  links_[server] = {.peer = client};
}

bool Wire::pass_on(int from) {
  std::string bytes(1 << 16, '\0');
  auto got = ::recv(from, bytes.data(), bytes.size(), 0);
  if (got <= 0) return false;
  bytes.resize(static_cast<std::size_t>(got));
  auto& link = links_[from];
  if (link.from_client) {
    turns_ += link.server_spoke ? 1 : 0;
    if (link.server_spoke && is_cut(link)) return false;
    link.server_spoke = false;
    if (deny_tls_ && asks_for_tls(bytes)) return ::send(from, "N", 1, MSG_NOSIGNAL) == 1;
  } else {
    if (link.loses_answer) return false;
    if (link.fresh && deny_tls_ && kind_ == db::DatabaseKind::mysql) hide_tls(bytes);
    link.fresh = false;
    links_[link.peer].server_spoke = true;
  }
  return send_all(link.peer, bytes);
}

void Wire::hang_up(int end) {
  int peer = links_[end].peer;
  for (int one : {end, peer}) {
    links_.erase(one);
    ::close(one);
  }
}

}  // namespace ncps::testing
