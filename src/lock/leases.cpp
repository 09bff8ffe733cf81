#include "lock/leases.h"

namespace ncps::lock {
namespace {

constexpr std::size_t kNameBytes = 512;
constexpr std::size_t kNoteBytes = 1024;
constexpr std::chrono::milliseconds kShortest{100};

}  // namespace

Result<void> check(const Ask& ask) {
  if (ask.name.size() > kNameBytes)
    return fail(ErrorKind::invalid, "the name of a lease is longer than 512 bytes");
  if (ask.note.size() > kNoteBytes)
    return fail(ErrorKind::invalid, "the note of a lease is longer than 1024 bytes");
  if (ask.time_to_live < kShortest)
    return fail(ErrorKind::invalid, "a lease is to live for less than 100 ms");
  if (ask.stalls_after && *ask.stalls_after < kShortest)
    return fail(ErrorKind::invalid, "a lease is to be lost after a standstill of less than 100 ms");
  return {};
}

}  // namespace ncps::lock
