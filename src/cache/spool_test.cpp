#include "cache/spool.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "base/testing/temp_dir.h"
#include "rt/block_on.h"
#include "rt/task_group.h"
#include "rt/testing/drain.h"
#include "storage/spool_dir.h"

namespace ncps::cache {
namespace {

using testing::Drained;

constexpr auto kHeld = Spool::kHeldBack;

// A file that nobody publishes.
class Unpublished final : public storage::StagedBlob {
 public:
  explicit Unpublished(std::unique_ptr<storage::SpoolFile> file) : file_(std::move(file)) {}
  storage::SpoolFile& file() noexcept override { return *file_; }
  Task<void> publish() override { co_return fail(ErrorKind::internal, "nobody asked for that"); }

 private:
  std::unique_ptr<storage::SpoolFile> file_;
};

struct SpoolTest : ::testing::Test {
  testing::TempDir folder;
  Runtime runtime{4};
  std::unique_ptr<storage::SpoolDir> dir = storage::SpoolDir::open(folder.path()).value();
  std::shared_ptr<Spool> spool = std::make_shared<Spool>();

  void begin(std::optional<std::uint64_t> total) {
    spool->begin(std::make_unique<Unpublished>(dir->create().value()), total);
  }
  void append(std::string_view bytes) {
    ASSERT_TRUE(spool->blob().file().append(bytes));
    spool->grown();
  }
  std::unique_ptr<ByteSource> reader(Tail tail, std::uint64_t first = 0,
                                     std::optional<std::uint64_t> length = {}) {
    return Spool::read(spool, first, length, tail);
  }
  // One piece; it must be there already or come by what another thread does.
  Result<std::string> next(ByteSource& source) {
    TRY(auto piece, block_on(runtime, source.next()));
    return testing::bytes_of(piece);
  }
  Drained drain(std::unique_ptr<ByteSource> source) {
    return block_on(runtime, testing::drain(std::move(source))).value();
  }
  std::future<Drained> drain_meanwhile(std::unique_ptr<ByteSource> source) {
    return std::async(std::launch::async,
                      [this, s = std::move(source)]() mutable { return drain(std::move(s)); });
  }
  static Error broken(std::string what = "broken") {
    return Error(ErrorKind::upstream, std::move(what));
  }
};

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761U >> 13);
  return out;
}

TEST(SpoolReadable, TheTailIsHeldUntilTheBytesAreKnownToBeRight) {
  using enum SpoolState;
  struct Row {
    SpoolState state;
    std::uint64_t size;
    std::optional<std::uint64_t> total;
    std::uint64_t held, open;
  };
  const Row rows[] = {
      {waiting, 0, {}, 0, 0},
      {growing, 0, {}, 0, 0},
      {growing, 0, 100'000, 0, 0},
      {growing, kHeld, {}, 0, kHeld},
      {growing, kHeld + 1, {}, 1, kHeld + 1},
      {growing, 10, 100'000, 10, 10},
      {growing, 100'000 - kHeld, 100'000, 100'000 - kHeld, 100'000 - kHeld},
      {growing, 100'000 - kHeld + 1, 100'000, 100'000 - kHeld, 100'000 - kHeld + 1},
      {growing, 99'999, 100'000, 100'000 - kHeld, 99'999},
      {growing, 100, 4'000, 0, 100},                  // smaller than what is held back
      {growing, 20'000, 10, 20'000 - kHeld, 20'000},  // more than announced
      {arrived, 100'000, 100'000, 100'000 - kHeld, 100'000},
      {arrived, 0, 0, 0, 0},
      {arrived, 1, 1, 0, 1},
      {failed, 100'000, 100'000, 100'000 - kHeld, 100'000},
      {complete, 100'000, 100'000, 100'000, 100'000},
      {complete, 1, 1, 1, 1},
      {complete, 0, 0, 0, 0},
  };
  for (const auto& row : rows) {
    Spool::View view{.state = row.state, .size = row.size, .total = row.total};
    EXPECT_EQ(readable(view, Tail::held), row.held) << row.size << " of " << row.total.value_or(0);
    EXPECT_EQ(readable(view, Tail::open), row.open) << row.size << " of " << row.total.value_or(0);
  }
}

TEST_F(SpoolTest, ReadersFromBeforeAndAfterTheGrowthGetTheSameBytes) {
  auto bytes = pattern(50'000);
  auto early = drain_meanwhile(reader(Tail::held));  // before it has begun
  begin(bytes.size());
  auto empty = drain_meanwhile(reader(Tail::held));  // before the first byte
  append(bytes.substr(0, 20'000));
  auto middle = drain_meanwhile(reader(Tail::held));
  append(bytes.substr(20'000));
  spool->all_arrived();
  auto arrived = drain_meanwhile(reader(Tail::held));
  ASSERT_TRUE(spool->complete());
  for (auto* one : {&early, &empty, &middle, &arrived}) {
    auto got = one->get();
    EXPECT_EQ(got.bytes, bytes);
    EXPECT_FALSE(got.error);
  }
  EXPECT_EQ(drain(reader(Tail::held)).bytes, bytes);
}

TEST_F(SpoolTest, OnlyCompleteReleasesTheHeldTail) {
  auto bytes = pattern(10'000);
  begin(bytes.size());
  append(bytes);
  auto source = reader(Tail::held);
  EXPECT_EQ(next(*source).value(), bytes.substr(0, bytes.size() - kHeld));
  spool->all_arrived();
  auto rest = std::async(std::launch::async, [&] { return next(*source); });
  EXPECT_EQ(drain(reader(Tail::open)).bytes, bytes);  // the verifier gets everything meanwhile
  EXPECT_EQ(rest.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  ASSERT_TRUE(spool->complete());
  EXPECT_EQ(rest.get().value(), bytes.substr(bytes.size() - kHeld));
  EXPECT_EQ(next(*source).value(), "");
}

TEST_F(SpoolTest, AFailedSpoolGivesReadersTheErrorAndNeverAnEnd) {
  auto bytes = pattern(10'000);
  for (auto tail : {Tail::held, Tail::open}) {
    for (bool all : {false, true}) {
      spool = std::make_shared<Spool>();
      begin(bytes.size());
      auto source = reader(tail);
      append(all ? bytes : bytes.substr(0, 9'000));
      ASSERT_FALSE(next(*source).value().empty());
      if (all) spool->all_arrived();
      spool->fail(broken());
      auto got = next(*source);
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().what(), "broken");
      EXPECT_EQ(drain(reader(tail)).error.value().what(), "broken");
    }
  }
}

TEST_F(SpoolTest, ARangeEndsCleanlyOnlyIfTheWholeFileIsRight) {
  auto bytes = pattern(20'000);
  begin(bytes.size());
  append(bytes);
  auto good = drain_meanwhile(reader(Tail::held, 100, 50));
  auto source = reader(Tail::held, 100, 50);
  EXPECT_EQ(next(*source).value(), bytes.substr(100, 50));  // the bytes come at once
  spool->fail(Error(ErrorKind::corrupt, "not what was announced"));
  auto end = next(*source);  // the end would say that they are right
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind(), ErrorKind::corrupt);
  EXPECT_EQ(good.get().error.value().kind(), ErrorKind::corrupt);
  EXPECT_TRUE(drain(reader(Tail::held, 20'000, 0)).error);
}

TEST_F(SpoolTest, RangesGiveExactlyTheirBytes) {
  auto bytes = pattern(20'000);
  std::vector<std::pair<std::uint64_t, std::optional<std::uint64_t>>> ranges = {
      {0, {}},
      {0, 1},
      {0, 20'000},
      {19'999, 1},
      {19'999, {}},
      {20'000, {}},
      {20'000, 0},
      {5, 0},
      {7, 12'345},
      {20'000 - kHeld, kHeld},
      {0, 20'000 - kHeld},
      {15'000, 5'000},
      {3'000, {}}};
  begin(bytes.size());
  append(bytes.substr(0, 6'000));
  std::vector<std::future<Drained>> growing;
  for (auto [first, length] : ranges)
    growing.push_back(drain_meanwhile(reader(Tail::held, first, length)));
  append(bytes.substr(6'000));
  spool->all_arrived();
  ASSERT_TRUE(spool->complete());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    auto [first, length] = ranges[i];
    auto wanted = bytes.substr(first, length.value_or(std::string::npos));
    EXPECT_EQ(growing[i].get().bytes, wanted) << first;
    auto after = drain(reader(Tail::held, first, length));
    EXPECT_EQ(after.bytes, wanted) << first;
    EXPECT_FALSE(after.error);
  }
}

TEST_F(SpoolTest, AnUnknownTotalIsKnownOnceAllHasArrived) {
  begin({});
  append(pattern(9'000));
  auto sized = std::async(std::launch::async, [&] {
    return block_on(runtime, spool->sized(Deadline::after(std::chrono::minutes(1))));
  });
  auto late = block_on(runtime, spool->sized(Deadline::after(std::chrono::seconds(0))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  auto source = reader(Tail::held);
  EXPECT_EQ(next(*source).value().size(), 9'000 - kHeld);
  spool->all_arrived();
  EXPECT_EQ(sized.get().value().total, 9'000u);
  ASSERT_TRUE(spool->complete());
  EXPECT_EQ(next(*source).value().size(), kHeld);
}

TEST_F(SpoolTest, AnEmptyBodyEndsOnlyWhenItIsRight) {
  begin(0);
  spool->all_arrived();
  auto got = drain_meanwhile(reader(Tail::held));
  EXPECT_EQ(drain(reader(Tail::open)).bytes, "");
  ASSERT_TRUE(spool->complete());
  EXPECT_EQ(got.get().bytes, "");
  EXPECT_FALSE(drain(reader(Tail::held)).error);
}

TEST_F(SpoolTest, StartedWaitsForTheFirstBytesAndKnowsTheTotal) {
  auto started = std::async(std::launch::async, [&] {
    return block_on(runtime, spool->started(Deadline::after(std::chrono::minutes(1))));
  });
  begin(77);
  EXPECT_EQ(started.get().value().total, 77u);
  EXPECT_GE(spool->view().fd, 0);
}

TEST_F(SpoolTest, TheFirstErrorCountsAndAfterCompleteThereIsNone) {
  spool->fail(broken("first"));
  spool->fail(broken("second"));
  auto started = block_on(runtime, spool->started(Deadline::never()));
  EXPECT_EQ(started.error().what(), "first");

  spool = std::make_shared<Spool>();
  begin(1);
  append("x");
  spool->all_arrived();
  ASSERT_TRUE(spool->complete());
  spool->fail(broken());
  EXPECT_EQ(spool->view().state, SpoolState::complete);
  auto got = drain(reader(Tail::held));
  EXPECT_EQ(got.bytes, "x");
  EXPECT_FALSE(got.error);
}

TEST_F(SpoolTest, WhatFailedStaysFailedWhateverTheWriterStillDoes) {
  spool->fail(broken());
  begin(3);
  EXPECT_EQ(spool->view().state, SpoolState::failed);
  append("abc");
  spool->all_arrived();
  EXPECT_EQ(spool->view().state, SpoolState::failed);
  EXPECT_TRUE(drain(reader(Tail::open)).error);
  // A stop cuts off what was just found to be right.
  auto completed = spool->complete();
  ASSERT_FALSE(completed);
  EXPECT_EQ(completed.error().what(), "broken");
  EXPECT_EQ(spool->view().state, SpoolState::failed);
}

TEST_F(SpoolTest, AHundredReadersOnFourThreadsGetIdenticalBytesWhileItGrows) {
  auto bytes = pattern(1 << 20);
  begin(bytes.size());
  std::vector<Drained> got(100);
  TaskGroup group;
  auto read = [&](std::size_t i) -> boost::asio::awaitable<void> {
    auto source = reader(Tail::held, i);
    got[i] = (co_await testing::drain(std::move(source))).value();
  };
  for (std::size_t i = 0; i < got.size(); ++i)
    group.spawn(runtime.next_executor(), "reader", read(i));
  for (std::size_t at = 0; at < bytes.size();) {
    auto step = std::min<std::size_t>(bytes.size() - at, 1 + at % 9'973);
    append(std::string_view(bytes).substr(at, step));
    at += step;
  }
  spool->all_arrived();
  ASSERT_TRUE(spool->complete());
  ASSERT_TRUE(group.join_blocking(Deadline::after(std::chrono::seconds(60))));
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_FALSE(got[i].error);
    EXPECT_TRUE(got[i].bytes == std::string_view(bytes).substr(i)) << i;
  }
}

}  // namespace
}  // namespace ncps::cache
