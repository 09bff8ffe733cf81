#include "fuzzing/fuzz_target.h"

#include <algorithm>
#include <map>
#include <random>

namespace ncps::fuzzing {
namespace {

// Made when the first target registers itself, before main.
std::map<std::string_view, Target>& targets() {
  static std::map<std::string_view, Target> all;
  return all;
}

}  // namespace

Registered::Registered(std::string_view name, Target target) {
  CHECK(targets().emplace(name, target).second);
}

Target find_target(std::string_view name) {
  auto it = targets().find(name);
  return it == targets().end() ? nullptr : it->second;
}

std::vector<std::string_view> target_names() {
  std::vector<std::string_view> out;
  for (const auto& [name, target] : targets()) out.push_back(name);
  return out;
}

std::vector<std::string_view> pieces_of(std::string_view text, unsigned seed) {
  std::minstd_rand random(seed + 1);
  std::vector<std::string_view> out;
  while (!text.empty()) {
    auto most = random() % 4 == 0 ? 65U : 6U;
    auto size = std::min<std::size_t>(random() % most, text.size());
    out.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return out;
}

unsigned take_byte(std::string_view& input) {
  if (input.empty()) return 0;
  auto byte = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  return byte;
}

std::string with_secret(std::string_view input) {
  std::string out;
  for (char c : input) {
    if (c == '\x01') {
      out += kSecret;
    } else {
      out += c;
    }
  }
  if (out.size() == input.size()) out += kSecret;
  return out;
}

}  // namespace ncps::fuzzing
