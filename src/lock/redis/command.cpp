#include "lock/redis/command.h"

#include <hiredis/hiredis.h>

#include <memory>
#include <new>

#include "base/check.h"

namespace ncps::redis {

std::string to_wire(const Command& command) {
  CHECK(!command.empty());
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const auto& word : command) {
    words.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* made = nullptr;
  auto size =
      redisFormatCommandArgv(&made, static_cast<int>(words.size()), words.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  std::unique_ptr<char, void (*)(char*)> held(made, redisFreeCommand);
  return std::string(made, static_cast<std::size_t>(size));
}

}  // namespace ncps::redis
