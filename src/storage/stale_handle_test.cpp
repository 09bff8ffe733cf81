#include "storage/stale_handle.h"

#include <gtest/gtest.h>

#include "base/posix_error.h"

namespace ncps::storage {
namespace {

// What a call answers that fails so often, and how often it was made.
struct Call {
  int failures, error, made = 0;
  int operator()() {
    if (++made > failures) return 7;
    errno = error;
    return -1;
  }
};

TEST(StaleHandle, IsLookedAtAgainAndNothingElseIs) {
  struct Row {
    int failures, error, result, made;
  } rows[] = {{0, ESTALE, 7, 1},
              {2, ESTALE, 7, 3},
              {3, ESTALE, -1, 3},
              {1, ENOENT, -1, 1},
              {1, EIO, -1, 1}};
  for (const auto& row : rows) {
    Call call{row.failures, row.error};
    EXPECT_EQ(again_if_stale([&] { return call(); }), row.result);
    EXPECT_EQ(call.made, row.made);
  }
}

TEST(StaleHandle, ThatStaysStaleIsNotAbsent) {
  EXPECT_EQ(posix_error("opening", "/a", ESTALE).kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::storage
