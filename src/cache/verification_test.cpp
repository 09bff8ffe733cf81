#include "cache/verification.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "rt/block_on.h"
#include "rt/task_group.h"

namespace ncps::cache {
namespace {

struct VerificationTest : ::testing::Test {
  Result<void> outcome_of(Verification::Check check) {
    group.spawn(runtime.next_executor(), "verify",
                Verification::run(verification, std::move(check), spool));
    return block_on(runtime, verification->outcome());
  }
  ~VerificationTest() override { EXPECT_TRUE(group.join_blocking(Deadline::never())); }

  Runtime runtime{2};
  TaskGroup group;
  std::shared_ptr<Spool> spool = std::make_shared<Spool>();
  std::shared_ptr<Verification> verification = std::make_shared<Verification>();
};

TEST_F(VerificationTest, ItsErrorFailsTheSpool) {
  auto outcome = outcome_of([]() -> Task<void> { co_return fail(ErrorKind::corrupt, "wrong"); });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::corrupt);
  EXPECT_EQ(spool->view().failure, ErrorKind::corrupt);
}

TEST_F(VerificationTest, WhatIsRightLeavesTheSpoolAsItIs) {
  EXPECT_TRUE(outcome_of([]() -> Task<void> { co_return Result<void>(); }));
  EXPECT_EQ(spool->view().state, SpoolState::waiting);
}

TEST_F(VerificationTest, OneThatThrowsEndsAllTheSame) {
  auto outcome = outcome_of([]() -> Task<void> {
    throw std::bad_alloc();
    co_return Result<void>();
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind(), ErrorKind::internal);
  EXPECT_EQ(spool->view().failure, ErrorKind::internal);
}

}  // namespace
}  // namespace ncps::cache
