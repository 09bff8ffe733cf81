#include "telemetry/flood_lines.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <latch>

namespace ncps::log {
namespace {

constexpr auto kPatience = std::chrono::seconds(60);

// What a FloodLines has written; it waits at its gate while that is closed.
struct Reader {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = true;
  std::vector<std::string> writes;

  // A line is the text of its only field.
  static void make(const UnmadeLine& line, std::string& to) {
    to = std::get<std::string_view>(line.fields().front().value);
  }
  auto writer() {
    return [this](std::string_view lines) {
      std::unique_lock lock(mutex);
      writes.emplace_back(lines);
      changed.notify_all();
      changed.wait(lock, [&] { return open; });
    };
  }
  void set_open(bool now) {
    std::lock_guard lock(mutex);
    open = now;
    changed.notify_all();
  }
  void wait_for_a_write() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return !writes.empty(); });
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex);
    std::vector<std::string> all;
    for (const auto& text : writes) {
      EXPECT_TRUE(text.ends_with('\n'));
      for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
        all.push_back(text.substr(at, end - at));
    }
    return all;
  }
};

void put(FloodLines& lines, std::string_view text) {
  Field field("text", text);
  lines.put(Level::info, "handled request", {&field, 1});
}

TEST(FloodLines, LinesOfAThreadComeWholeInOrderAndWithoutAStop) {
  Reader reader;
  FloodLines lines(&Reader::make, reader.writer());
  for (int i = 0; i < 10; ++i) {
    put(lines, std::to_string(i) + std::string(1'000, 'x'));
    if (i == 0) reader.wait_for_a_write();  // nobody else wakes the thread
  }
  EXPECT_TRUE(lines.stop(kPatience));
  auto got = reader.lines();
  ASSERT_EQ(got.size(), 10u);
  for (std::size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(got[i].starts_with(std::to_string(i) + "x"));
  for (const auto& text : reader.writes) EXPECT_LE(text.size(), FloodLines::kAtOnce);
}

TEST(FloodLines, ALineLongerThanAPipeTakesComesAlone) {
  Reader reader;
  FloodLines lines(&Reader::make, reader.writer());
  std::string long_one(3 * FloodLines::kAtOnce, 'l');
  for (const auto& line : {std::string("a"), long_one, std::string("b")}) put(lines, line);
  EXPECT_TRUE(lines.stop(kPatience));
  EXPECT_EQ(reader.lines(), (std::vector<std::string>{"a", long_one, "b"}));
}

TEST(FloodLines, WhatFindsNoRoomIsLostAndCounted) {
  Reader reader;
  reader.open = false;
  FloodLines lines(&Reader::make, reader.writer());
  put(lines, "first");
  reader.wait_for_a_write();  // of which the place is given back when it is written
  for (std::size_t i = 0; i < FloodLines::kEach + 100; ++i) put(lines, "a");
  auto lost = lines.lost();
  EXPECT_GE(lost, 100u);
  EXPECT_LE(lost, 101u);
  reader.set_open(true);
  EXPECT_TRUE(lines.stop(kPatience));
  EXPECT_EQ(reader.lines().size() + lost, FloodLines::kEach + 101);
}

TEST(FloodLines, AStopDoesNotWaitForWhoDoesNotRead) {
  // Their thread is left to itself, so that they stay as long as the process.
  static auto* kept = new std::vector<std::pair<Reader*, FloodLines*>>;
  auto* reader = new Reader;
  reader->open = false;
  auto* lines = new FloodLines(&Reader::make, reader->writer());
  kept->emplace_back(reader, lines);
  put(*lines, "a");
  reader->wait_for_a_write();
  EXPECT_FALSE(lines->stop(std::chrono::milliseconds(1)));
  reader->set_open(true);
}

TEST(FloodLines, ThreadsThatWriteAtOnceLoseNothingThatHadRoom) {
  constexpr int kThreads = 4, kLines = 20'000;
  Reader reader;
  FloodLines lines(&Reader::make, reader.writer());
  std::latch begin(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        begin.arrive_and_wait();
        for (int i = 0; i < kLines; ++i) {
          put(lines, std::to_string(t) + " " + std::to_string(i));
        }
      });
  }
  EXPECT_TRUE(lines.stop(kPatience));
  auto got = reader.lines();
  EXPECT_EQ(got.size() + lines.lost(), std::uint64_t{kThreads} * kLines);
  std::array<int, kThreads> last;
  last.fill(-1);
  for (const auto& line : got) {
    auto thread = static_cast<std::size_t>(line[0] - '0');
    auto number = std::stoi(line.substr(2));
    EXPECT_GT(number, last[thread]);
    last[thread] = number;
  }
}

TEST(FloodLines, AfterADrainAllIsWritten) {
  Reader reader;
  FloodLines lines(&Reader::make, reader.writer());
  lines.drain(kPatience);  // of nothing
  for (std::size_t i = 1; i <= 100; ++i) {
    put(lines, "a");
    lines.drain(kPatience);
    EXPECT_EQ(reader.lines().size(), i);
  }
  EXPECT_TRUE(lines.stop(kPatience));
}

// Two threads that write in turns, each after the other has written.
TEST(FloodLines, LinesOfThreadsComeInTheOrderOfTheirTimes) {
  constexpr std::size_t kLines = 1'000;
  Reader reader;
  FloodLines lines(&Reader::make, reader.writer());
  std::atomic<std::size_t> next{0};
  auto write_each_second = [&](std::size_t from) {
    for (std::size_t i = from; i < kLines; i += 2) {
      for (auto seen = next.load(); seen != i; seen = next.load()) next.wait(seen);
      put(lines, std::to_string(i));
      next.store(i + 1);
      next.notify_all();
    }
  };
  std::jthread other([&] { write_each_second(1); });
  write_each_second(0);
  other.join();
  EXPECT_TRUE(lines.stop(kPatience));
  auto got = reader.lines();
  ASSERT_EQ(got.size() + lines.lost(), kLines);
  EXPECT_TRUE(std::ranges::is_sorted(got, {}, [](const auto& line) { return std::stoi(line); }));
}

// Threads remember their ring; another FloodLines, even in the same place, is not theirs.
TEST(FloodLines, OneAfterTheOtherHasItsOwnLines) {
  for (int i = 0; i < 3; ++i) {
    Reader reader;
    FloodLines lines(&Reader::make, reader.writer());
    put(lines, std::to_string(i));
    EXPECT_TRUE(lines.stop(kPatience));
    EXPECT_EQ(reader.lines(), std::vector<std::string>{std::to_string(i)});
  }
}

TEST(UnmadeLine, GivesTheMemoryOfLongTextsBack) {
  UnmadeLine line;
  std::string long_one(8'000, 'x');
  Field field("path", long_one);
  line.set(Level::info, "handled request", {&field, 1}, nullptr);
  line.done();
  field = Field("path", "short");
  line.set(Level::info, "handled request", {&field, 1}, nullptr);
  EXPECT_EQ(std::get<std::string_view>(line.fields()[0].value), "short");
  EXPECT_LT(line.kept_bytes(), 1'025u);
}

TEST(UnmadeLine, KeepsCopiesOfItsTexts) {
  UnmadeLine line;
  for (int again = 0; again < 2; ++again) {
    std::string path = "/nar/" + std::to_string(again), empty;
    trace::SpanContext within{.trace_id = {1}, .span_id = {2}};
    std::array<Field, 4> fields{
        {{"path", path}, {"upstream", empty}, {"bytes", 7}, {"from", "::1"}}};
    line.set(Level::warn, "handled request", fields, again == 0 ? &within : nullptr);
    path.assign(path.size(), '#');
    EXPECT_EQ(line.level, Level::warn);
    EXPECT_EQ(line.message, "handled request");
    EXPECT_EQ(line.within.valid(), again == 0);
    ASSERT_EQ(line.fields().size(), 4u);
    EXPECT_EQ(std::get<std::string_view>(line.fields()[0].value), "/nar/" + std::to_string(again));
    EXPECT_EQ(std::get<std::string_view>(line.fields()[1].value), "");
    EXPECT_EQ(std::get<std::int64_t>(line.fields()[2].value), 7);
    EXPECT_EQ(line.fields()[3].key, "from");
    EXPECT_EQ(std::get<std::string_view>(line.fields()[3].value), "::1");
  }
  std::vector<Field> many(UnmadeLine::kMostFields + 3, Field("n", 1));
  line.set(Level::info, "m", many, nullptr);
  EXPECT_EQ(line.fields().size(), UnmadeLine::kMostFields);
}

}  // namespace
}  // namespace ncps::log
