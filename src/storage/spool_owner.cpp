#include "storage/spool_owner.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <random>

namespace ncps::storage {
namespace {

std::uint64_t random_word() {
  std::random_device random;
  return (static_cast<std::uint64_t>(random()) << 32) | random();
}

std::string find_machine() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  struct stat network{};
  bool known = ::stat("/proc/self/ns/net", &network) == 0;
  bool is_id = boot.size() == 36 && boot.find_first_not_of("0123456789abcdef-") == boot.npos;
  if (!known || !is_id) return fmt::format("{:016x}", random_word());
  return boot.substr(0, 8) + boot.substr(9, 4) + fmt::format("{:x}", network.st_ino);
}

}  // namespace

const std::string& this_machine() {
  static const std::string machine = find_machine();
  return machine;
}

std::string spool_folder_name() {
  return fmt::format("{}-{}-{}", this_machine(), ::getpid(), random_word());
}

bool is_of_this_machine(std::string_view folder_name) {
  const auto& machine = this_machine();
  return folder_name.starts_with(machine) && folder_name.substr(machine.size()).starts_with('-');
}

}  // namespace ncps::storage
