// A resolver that hangs must hold up neither other transfers nor the stop. The getaddrinfo of this
// program is the one below: libcurl calls it from a thread of its own.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netdb.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include "fetch/curl/testing/curl_fixture.h"

namespace {

constexpr std::string_view kHangs = "hangs.example";

struct Resolver {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int inside = 0;
  int came = 0;

  // As a resolver that gets no answer. Bounded, so that a bug fails a test and does not hang it.
  void hang() {
    std::unique_lock lock(mutex);
    ++inside;
    ++came;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(60), [&] { return open; });
    --inside;
    changed.notify_all();
  }
  bool wait_for_one(int n = 1) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30), [&] { return came >= n; });
  }
  int hanging() {
    std::lock_guard lock(mutex);
    return inside;
  }
  void let_all_go() {
    std::unique_lock lock(mutex);
    open = true;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::seconds(30), [&] { return inside == 0; });
    open = false;
    came = 0;
  }
};

Resolver& resolver() {
  static auto* one = new Resolver;  // its threads may outlive everything
  return *one;
}

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** result) {
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  if (node != nullptr && node == kHangs) {
    resolver().hang();
    return EAI_AGAIN;
  }
  return real(node, service, hints, result);
}

namespace ncps::fetch {
namespace {

using namespace std::chrono_literals;
using testing::CurlTest;

struct CurlResolver : CurlTest {
  ~CurlResolver() override {
    client.reset();
    resolver().let_all_go();
  }
  static HttpRequest hanging() {
    HttpRequest request{.url = "http://" + std::string(kHangs) + "/x"};
    request.timeouts.connect = 1h;
    request.timeouts.head = 1h;
    return request;
  }
};

TEST_F(CurlResolver, OneThatHangsDoesNotHoldUpTheStop) {
  auto answer = fetch(hanging(), Deadline::after(2s));  // enough for the question to be asked
  ASSERT_FALSE(answer.has_value());
  ASSERT_TRUE(resolver().wait_for_one());
  client.reset();
  EXPECT_EQ(resolver().hanging(), 1) << "the stop did not wait for it";
}

TEST_F(CurlResolver, OneThatHangsDoesNotHoldUpOtherTransfers) {
  auto request = hanging();
  request.timeouts.connect = 2s;
  request.timeouts.head = 2s;
  auto answer = fetch(request);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind(), ErrorKind::timeout) << answer.error().what();
  EXPECT_EQ(blame, Blame::unreachable);
  ASSERT_TRUE(resolver().wait_for_one());
  auto other = fetch({.url = local(start().port(), "/hello")});
  ASSERT_TRUE(other.has_value()) << other.error().what();
  EXPECT_EQ(read(*other->body).text, "hello\n");
  EXPECT_EQ(resolver().hanging(), 1);
}

}  // namespace
}  // namespace ncps::fetch
