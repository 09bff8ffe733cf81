// Child: a program that a test started, such as a database server. It never outlives us.
//
// Source: prctl(2) PR_SET_PDEATHSIG: the kernel ends it when the thread that started it ends, also
// by SIGKILL. As root it runs as nobody, because database servers refuse root.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace ncps::testing {

class Child {
 public:
  // Its output goes to `log`. Throws if it cannot be started.
  Child(const std::vector<std::string>& command, const std::filesystem::path& log);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();  // SIGKILL, and waits for it

  pid_t pid() const noexcept { return pid_; }
  void signal(int number) const;
  int wait();      // its exit status, once it has ended; 128 + the signal that ended it
  bool running();  // false: it has ended by itself

 private:
  pid_t pid_ = -1;
  int status_ = -1;  // once it has ended
};

// Runs it to its end. Throws, with its output, if it fails.
void run_to_end(const std::vector<std::string>& command, const std::filesystem::path& log);

// A new folder in the system's temporary one that Child's programs may write to, also as nobody.
std::filesystem::path make_folder(const std::string& name);

}  // namespace ncps::testing
