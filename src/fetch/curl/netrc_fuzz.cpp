#include <curl/curl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "fetch/curl/curl_transfer.h"
#include "fuzzing/fuzz_target.h"

namespace ncps::fetch {
namespace {

// The one asked, and the one that it leads to.
constexpr std::array<std::string_view, 2> kHosts{"127.0.0.1", "127.0.0.2"};
constexpr std::array<std::string_view, 2> kAnswers{
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\nContent-Length: 0\r\n"
    "Connection: close\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"};

// Stand for all servers: whatever libcurl connects to is a nameless socket of this process, and the answer is given
// between its steps. So nothing goes over a network, and no other thread has to run.
class Servers {
 public:
  Servers() : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    auto* any = reinterpret_cast<sockaddr*>(&address_);
    any->sa_family = AF_UNIX;
    CHECK(::bind(listener_.get(), any, sizeof any->sa_family) == 0);  // chooses one
    CHECK(::getsockname(listener_.get(), any, &address_size_) == 0);
    CHECK(::listen(listener_.get(), 1) == 0);
  }

  void serve(CURL* easy) {
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Servers::on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, &Servers::on_step);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, this);
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
  }

  // What each of them was asked.
  std::vector<std::string> heads() const {
    std::vector<std::string> out;
    for (const auto& socket : accepted_) {
      std::string head(64ul << 10, '\0');
      auto size = ::recv(socket.get(), head.data(), head.size(), MSG_DONTWAIT);
      head.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
      CHECK(head.ends_with("\r\n\r\n"));
      out.push_back(std::move(head));
    }
    return out;
  }

 private:
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* to) {
    auto* me = static_cast<Servers*>(self);
    to->family = AF_UNIX;
    to->addrlen = me->address_size_;
    CHECK(me->address_size_ <= sizeof to->addr);
    std::memcpy(&to->addr, &me->address_, me->address_size_);
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  }
  static int on_step(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto* me = static_cast<Servers*>(self);
    UniqueFd next(::accept4(me->listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!next) return 0;
    CHECK(me->accepted_.size() < kAnswers.size());
    auto answer = kAnswers[me->accepted_.size()];
    auto sent = ::send(next.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    CHECK(sent == static_cast<ssize_t>(answer.size()));
    me->accepted_.push_back(std::move(next));
    return 0;
  }

  UniqueFd listener_;
  sockaddr_un address_{};
  socklen_t address_size_ = sizeof address_;
  std::vector<UniqueFd> accepted_;
};

// A file in memory with this text; it has a path like any other.
std::string file_with(std::string_view text) {
  static const UniqueFd file(::memfd_create("netrc", MFD_CLOEXEC));
  CHECK(::ftruncate(file.get(), 0) == 0);
  CHECK(::pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  return "/proc/self/fd/" + std::to_string(file.get());
}

struct Asked {
  std::vector<std::string> heads;  // of requests, in the order of kHosts
  std::string error;               // empty: none
};

// A request as our client makes it, with that netrc.
Asked ask_with(std::string_view netrc) {
  static const auto settings = std::make_shared<const CurlSettings>(
      CurlSettings{.user_agent = "fuzz", .environment = {}, .ca_file = "", .buffer_bytes = 4096});
  Servers servers;
  std::vector<CurlTransfer*> touched;
  Homes homes;
  CurlTransfer transfer({.url = "http://" + std::string(kHosts[0]) + "/",
                         .netrc_file = file_with(netrc),
                         .proxies = Proxies::none},
                        settings);
  transfer.begin(touched, homes);
  servers.serve(transfer.easy());
  transfer.end(curl_easy_perform(transfer.easy()));
  auto error = transfer.shared.with(
      [](const auto& s) { return s.failure ? s.failure->error.what() : std::string(); });
  return {.heads = servers.heads(), .error = std::move(error)};
}

std::string from_base64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned value = 0, bits = 0;
  for (char c : text.substr(0, text.find('='))) {
    CHECK(kDigits.contains(c));
    value = value << 6 | static_cast<unsigned>(kDigits.find(c));
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(value >> bits & 0xff);
  }
  return out;
}

// "user:password", if it has any.
std::optional<std::string> credentials_in(std::string_view head) {
  constexpr std::string_view kBefore = "\r\nAuthorization: ";
  auto at = head.find(kBefore);
  if (at == head.npos) return std::nullopt;
  head.remove_prefix(at + kBefore.size());
  CHECK(head.starts_with("Basic "));
  return from_base64(head.substr(6, head.find('\r') - 6));
}

// Whether it says anything of that host. Between quotes a backslash may stand before each character.
bool may_name(std::string netrc, std::string_view host) {
  std::erase(netrc, '\\');
  std::ranges::transform(netrc, netrc.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return netrc.contains(host) || netrc.contains("default");
}

// Takes it off `input`: a word that means nothing but itself in a netrc.
std::string take_word(std::string_view& input) {
  std::string out = "u";
  auto some = input.substr(0, 20);
  input.remove_prefix(some.size());
  for (char c : some)
    if (static_cast<unsigned char>(c) > ' ') out += c;
  return out;
}

// Two entries: who has one gets what it says, and nothing of the other's, whatever it leaves out.
void check_entries(unsigned how, std::string_view input) {
  auto user = take_word(input), others_user = take_word(input), others_password = take_word(input);
  std::string home =
      "machine 127.0.0.1 login " + user + "\n\tpassword " + std::string(fuzzing::kSecret) + "\n";
  std::string other = "machine 127.0.0.2";
  if (how % 2 == 1) other += " login " + others_user;
  if (how / 2 % 2 == 1) other += " password " + others_password;
  other += '\n';
  auto asked = ask_with(how / 4 % 2 == 1 ? other + home : home + other);
  CHECK(asked.error.empty() && asked.heads.size() == 2);
  CHECK(credentials_in(asked.heads[0]) == user + ":" + std::string(fuzzing::kSecret));
  auto told = credentials_in(asked.heads[1]);
  if (how % 4 == 3) CHECK(told == others_user + ":" + others_password);
  bool tells_itself = (others_user + others_password).contains(fuzzing::kSecret);
  if (told && !tells_itself) CHECK(!told->contains(fuzzing::kSecret));
}

}  // namespace

FUZZ_TARGET(netrc) {
  auto how = fuzzing::take_byte(input);
  auto text = fuzzing::with_secret(input);
  auto asked = ask_with(text);
  CHECK(!asked.error.contains(fuzzing::kSecret));
  for (std::size_t i = 0; i < asked.heads.size(); ++i)
    if (credentials_in(asked.heads[i])) CHECK(may_name(text, kHosts[i]));
  check_entries(how, input);
}

}  // namespace ncps::fetch
