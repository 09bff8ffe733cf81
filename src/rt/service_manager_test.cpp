// Against a real datagram socket, as systemd has one.
#include "rt/service_manager.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <future>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/testing/temp_dir.h"
#include "rt/watchdog.h"

namespace ncps {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr pid_t kPid = 4711;

Result<ServiceManager> find(Variables variables) {
  auto environment = [&](std::string_view name) -> std::optional<std::string> {
    auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  return ServiceManager::find(environment, kPid);
}

// The manager's end.
class Supervisor {
 public:
  explicit Supervisor(std::string address) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    if (address[0] == '@') address[0] = '\0';
    std::memcpy(name.sun_path, address.data(), address.size());
    auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  std::string next() {
    char text[512];
    auto size = ::recv(fd_.get(), text, sizeof text, 0);
    return size < 0 ? "nothing came" : std::string(text, static_cast<std::size_t>(size));
  }

  bool has_nothing() {
    char text[1];
    return ::recv(fd_.get(), text, sizeof text, MSG_DONTWAIT) < 0;
  }

 private:
  UniqueFd fd_;
};

TEST(ServiceManager, IsToldWhatSystemdWantsToKnow) {
  ncps::testing::TempDir dir;
  for (const auto& address :
       {(dir.path() / "notify").native(), "@" + (dir.path() / "abstract").native()}) {
    Supervisor supervisor(address);
    auto manager = find({{"NOTIFY_SOCKET", address}});
    ASSERT_TRUE(manager);
    manager->ready("listening");
    EXPECT_EQ(supervisor.next(), "READY=1\nSTATUS=listening");
    manager->reloading();
    auto reloading = supervisor.next();
    EXPECT_TRUE(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC=")) << reloading;
    EXPECT_GT(std::stoll(reloading.substr(reloading.rfind('=') + 1)), 0);
    manager->stopping("bye");
    EXPECT_EQ(supervisor.next(), "STOPPING=1\nSTATUS=bye");
    manager->alive();
    EXPECT_EQ(supervisor.next(), "WATCHDOG=1");
  }
}

TEST(ServiceManager, NobodyToTellIsNoMistake) {
  auto manager = find({});
  ASSERT_TRUE(manager);
  manager->ready("to nobody");
  EXPECT_FALSE(manager->socket());
  EXPECT_FALSE(manager->patience());
}

TEST(ServiceManager, OneThatIsGoneDoesNotEndUs) {
  ncps::testing::TempDir dir;
  auto manager = find({{"NOTIFY_SOCKET", (dir.path() / "gone").native()}});
  ASSERT_TRUE(manager);
  manager->ready("to nobody");
}

TEST(ServiceManager, TakesWhatIsMeantForThisProcessOnly) {
  struct Case {
    Variables variables;
    std::optional<int> socket;
    std::optional<std::chrono::microseconds> patience;
  };
  const Case cases[] = {
      {{{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "1"}}, 3, {}},
      {{{"LISTEN_PID", "4712"}, {"LISTEN_FDS", "1"}}, {}, {}},
      {{{"LISTEN_FDS", "1"}}, {}, {}},
      {{{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "0"}}, {}, {}},
      {{{"LISTEN_PID", "4712"}, {"LISTEN_FDS", "2"}}, {}, {}},
      {{{"WATCHDOG_USEC", "30000000"}}, {}, 30s},
      {{{"WATCHDOG_PID", "4711"}, {"WATCHDOG_USEC", "1"}}, {}, 1us},
      {{{"WATCHDOG_PID", "1"}, {"WATCHDOG_USEC", "1"}}, {}, {}},
      {{{"WATCHDOG_USEC", "0"}}, {}, {}},
      {{{"WATCHDOG_USEC", ""}, {"NOTIFY_SOCKET", ""}}, {}, {}},
  };
  for (const auto& c : cases) {
    auto manager = find(c.variables);
    ASSERT_TRUE(manager) << c.variables.begin()->first;
    EXPECT_EQ(manager->socket(), c.socket) << c.variables.begin()->second;
    EXPECT_EQ(manager->patience(), c.patience) << c.variables.begin()->second;
  }
}

TEST(ServiceManager, SaysWhatItCannotTake) {
  const std::pair<Variables, std::string_view> cases[] = {
      {{{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "2"}}, "keep one ListenStream="},
      {{{"LISTEN_PID", "4711"}, {"LISTEN_FDS", "one"}}, "LISTEN_FDS"},
      {{{"LISTEN_PID", "me"}}, "LISTEN_PID"},
      {{{"WATCHDOG_USEC", "-1"}}, "WATCHDOG_USEC"},
      {{{"WATCHDOG_USEC", "99999999999999999999"}}, "WATCHDOG_USEC"},
      {{{"NOTIFY_SOCKET", "vsock:2:1"}}, "NOTIFY_SOCKET"},
      {{{"NOTIFY_SOCKET", "/" + std::string(108, 'x')}}, "NOTIFY_SOCKET"},
  };
  for (const auto& [variables, said] : cases) {
    auto manager = find(variables);
    ASSERT_FALSE(manager) << said;
    EXPECT_EQ(manager.error().kind(), ErrorKind::invalid);
    EXPECT_NE(manager.error().what().find(said), std::string::npos) << manager.error().what();
  }
}

TEST(Watchdog, SaysNothingWhileALoopIsStuck) {
  ncps::testing::TempDir dir;
  auto address = (dir.path() / "notify").native();
  Supervisor supervisor(address);
  auto manager = find({{"NOTIFY_SOCKET", address}});
  ASSERT_TRUE(manager);
  Runtime runtime(3);
  std::promise<void> stuck, go_on;
  boost::asio::post(runtime.loop(2), [&] {
    stuck.set_value();
    go_on.get_future().wait();
  });
  stuck.get_future().wait();
  Watchdog watchdog(runtime, 2ms, [&] { manager->alive(); });
  EXPECT_FALSE(watchdog.stop(Deadline::after(50ms)));
  EXPECT_TRUE(supervisor.has_nothing());
  go_on.set_value();
  EXPECT_EQ(supervisor.next(), "WATCHDOG=1");
  EXPECT_TRUE(watchdog.stop(Deadline::never()));
}

TEST(Watchdog, SaysItAgainAndAgainUntilItIsStopped) {
  ncps::testing::TempDir dir;
  auto address = (dir.path() / "notify").native();
  Supervisor supervisor(address);
  auto manager = find({{"NOTIFY_SOCKET", address}});
  ASSERT_TRUE(manager);
  Runtime runtime(2);
  Watchdog watchdog(runtime, 2ms, [&] { manager->alive(); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(supervisor.next(), "WATCHDOG=1");
  EXPECT_TRUE(watchdog.stop(Deadline::never()));
  while (!supervisor.has_nothing()) {
  }
}

}  // namespace
}  // namespace ncps
