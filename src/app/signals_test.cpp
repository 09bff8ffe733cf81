#include "app/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

namespace ncps::app {
namespace {

TEST(Signals, WhatIsDoneMeanwhileIsDoneAgainAndAgainUntilOneComes) {
  block_signals();
  ::alarm(60);  // its default ends this program, should nothing be done meanwhile
  int times = 0;
  auto number = wait_for_signal(std::chrono::seconds(1), [&] {
    if (++times == 2) ::raise(SIGHUP);
  });
  ::alarm(0);
  EXPECT_EQ(number, SIGHUP);
  EXPECT_EQ(times, 2);
}

}  // namespace
}  // namespace ncps::app
