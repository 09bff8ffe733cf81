#include "base/testing/process/child.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace ncps::testing {
namespace {

constexpr uid_t kNobody = 65534;

// Between fork and exec: only what is safe there.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
  bool ready = ::dup2(log, 1) >= 0 && ::dup2(log, 2) >= 0;
  if (::getuid() == 0) {
    ready =
        ready && ::setgroups(0, nullptr) == 0 && ::setgid(kNobody) == 0 && ::setuid(kNobody) == 0;
  }
  // After setuid, which clears it; the parent may be gone already.
  ready = ready && ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (ready) ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& command, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (out < 0) throw std::runtime_error("cannot write " + log.native());
  auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(arguments.data(), out, parent);
  ::close(out);
  if (pid_ < 0) throw std::runtime_error("cannot start " + command.front());
}

Child::~Child() {
  if (!running()) return;
  signal(SIGCONT);
  signal(SIGKILL);
  wait();
}

void Child::signal(int number) const {
  if (status_ < 0) ::kill(pid_, number);
}

int Child::wait() {
  int status = 0;
  if (status_ < 0 && ::waitpid(pid_, &status, 0) == pid_)
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_;
}

bool Child::running() {
  int status = 0;
  if (status_ < 0 && ::waitpid(pid_, &status, WNOHANG) == pid_)
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return status_ < 0;
}

void run_to_end(const std::vector<std::string>& command, const std::filesystem::path& log) {
  if (Child(command, log).wait() == 0) return;
  std::ostringstream said;
  said << std::ifstream(log).rdbuf();
  throw std::runtime_error(command.front() +
                           " failed (scripts/deps.sh test installs it): " + said.str());
}

std::filesystem::path make_folder(const std::string& name) {
  auto path = (std::filesystem::temp_directory_path() / ("ncps-" + name + "-XXXXXX")).native();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  if (::getuid() == 0 && ::chown(path.c_str(), kNobody, kNobody) != 0)
    throw std::runtime_error("chown failed");
  return path;
}

}  // namespace ncps::testing
