#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "base/guarded.h"
#include "base/posix_error.h"

namespace ncps {
namespace {

Result<int> half(int x) {
  if (x % 2 != 0) return fail(ErrorKind::invalid, "odd");
  return x / 2;
}

Result<void> must_be_even(int x) {
  TRY(half(x));
  return {};
}

Result<int> quarter(int x) {
  TRY(must_be_even(x));
  TRY(auto h, half(x));
  TRY(auto q, half(h));
  return q;
}

TEST(Result, TryDeclaresTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().kind(), ErrorKind::invalid);
  EXPECT_EQ(quarter(5).error().what(), "odd");
}

TEST(Result, MovesWhatCannotBeCopied) {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  auto use = [&]() -> Result<int> {
    TRY(auto p, make());
    return *p;
  };
  EXPECT_EQ(use().value(), 7);
}

TEST(Error, TheTrailReadsFromOutsideIn) {
  auto error =
      Error(ErrorKind::timeout, "no answer").while_doing("connecting").while_doing("fetching x");
  EXPECT_EQ(error.what(), "fetching x: connecting: no answer");
  EXPECT_TRUE(error.retryable());
  EXPECT_FALSE(Error(ErrorKind::corrupt, "").retryable());
}

TEST(PosixError, OnlyConfirmedAbsenceIsNotFound) {
  EXPECT_EQ(posix_error("opening", "/x", ENOENT).kind(), ErrorKind::not_found);
  EXPECT_EQ(posix_error("opening", "/x", EEXIST).kind(), ErrorKind::conflict);
  for (int e : {EACCES, EIO, ENOSPC, ESTALE, EMFILE})
    EXPECT_EQ(posix_error("opening", "/x", e).kind(), ErrorKind::unavailable) << e;
  EXPECT_EQ(posix_error("opening", "/x", ENOENT).what(), "opening: /x: No such file or directory");
}

TEST(Guarded, GivesItsValueOnlyInsideTheFunction) {
  Guarded<int> n(1);
  n.with([](int& x) { x = 41; });
  EXPECT_EQ(n.with([](int& x) { return ++x; }), 42);
}

}  // namespace
}  // namespace ncps
