#include "cache/feed.h"

#include <fcntl.h>

#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <deque>
#include <fstream>
#include <vector>

#include "base/testing/temp_dir.h"
#include "base/unique_fd.h"
#include "cache/testing/sample.h"
#include "rt/block_on.h"

namespace ncps::cache {
namespace {

class Pieces final : public ByteSource {
 public:
  explicit Pieces(std::deque<Result<Piece>> pieces) : pieces_(std::move(pieces)) {}
  Task<Piece> next() override {
    if (pieces_.empty()) co_return Piece(std::string_view());
    auto piece = std::move(pieces_.front());
    pieces_.pop_front();
    co_return piece;
  }

 private:
  std::deque<Result<Piece>> pieces_;
};

struct FeedTest : ::testing::Test {
  ~FeedTest() override { pool.join(); }

  Result<void> feed_all(std::deque<Result<Piece>> pieces, Deadline deadline = Deadline::never()) {
    Pieces source(std::move(pieces));
    auto sink = [this](std::string_view part) -> Result<void> {
      if (got.size() + part.size() > most) return fail(ErrorKind::corrupt, "enough");
      got += part;
      return {};
    };
    auto boxed = [](ByteSource& from, Pool& on, Deadline by,
                    std::function<Result<void>(std::string_view)> to) -> Task<int> {
      CO_TRY(co_await feed(from, on, by, to));
      co_return 0;
    };
    TRY(block_on(runtime, boxed(source, pool, deadline, sink)));
    return {};
  }

  Runtime runtime{1};
  Pool pool{1};
  testing::TempDir folder;
  std::string bytes = noise("feed", 2'500'000);
  std::string got;
  std::size_t most = SIZE_MAX;
};

TEST_F(FeedTest, GivesTextAndStretchesOfFilesInTheirOrder) {
  auto name = folder.path() / "file";
  std::ofstream(name) << "before" << bytes << "behind";
  UniqueFd fd(::open(name.c_str(), O_RDONLY));
  FileSpan span{.fd = fd.get(), .offset = 6, .length = bytes.size()};
  ASSERT_TRUE(feed_all({Piece("one"), Piece(span), Piece(bytes), Piece("end")}));
  EXPECT_TRUE(got == "one" + bytes + bytes + "end");
}

TEST_F(FeedTest, AFileThatEndsTooEarlyIsUnavailable) {
  auto name = folder.path() / "file";
  std::ofstream(name) << "short";
  UniqueFd fd(::open(name.c_str(), O_RDONLY));
  FileSpan span{.fd = fd.get(), .offset = 0, .length = 6};
  EXPECT_EQ(feed_all({Piece(span)}).error().kind(), ErrorKind::unavailable);
}

TEST_F(FeedTest, EndsWithTheErrorOfTheSourceOrTheSink) {
  EXPECT_EQ(feed_all({Piece("one"), fail(ErrorKind::upstream, "broke")}).error().kind(),
            ErrorKind::upstream);
  EXPECT_EQ(got, "one");
  most = 5;
  EXPECT_EQ(feed_all({Piece("12"), Piece("345"), Piece("6")}).error().kind(), ErrorKind::corrupt);
  EXPECT_EQ(got, "one12");
}

// The pool has one thread, and work runs in its order.
TEST_F(FeedTest, WhoTakesAPartLetsOthersRunBeforeTheRest) {
  auto name = folder.path() / "file";
  std::ofstream(name) << bytes;
  UniqueFd fd(::open(name.c_str(), O_RDONLY));
  for (auto piece : {Piece(bytes), Piece(FileSpan{fd.get(), 0, bytes.size()})}) {
    std::vector<Result<Piece>> one{piece};
    Pieces source({one.begin(), one.end()});
    got.clear();
    std::size_t calls = 0, others = 0;
    SomeSink sink = [&](std::string_view part) -> Result<std::size_t> {
      EXPECT_GE(others + 2, ++calls);  // the last one posted may still be behind us in line
      boost::asio::post(pool, [&] { ++others; });
      auto some = (part.size() + 1) / 2;
      got += part.substr(0, some);
      return some;
    };
    auto boxed = [&](ByteSource& from) -> Task<int> {
      CO_TRY(co_await feed_in_turns(from, pool, Deadline::never(), sink));
      for (int i = 0; i < 2; ++i) {  // behind the last one
        auto last = [&] { return others; };
        auto ran = co_await offload(pool, std::move(last));
        if (i == 1) EXPECT_EQ(ran, calls);
      }
      co_return 0;
    };
    ASSERT_TRUE(block_on(runtime, boxed(source)));
    EXPECT_TRUE(got == bytes);
    EXPECT_GT(calls, 20u);
  }
}

TEST_F(FeedTest, EndsAtTheDeadline) {
  auto late = feed_all({Piece("one")}, Deadline::after(std::chrono::seconds(0)));
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  EXPECT_EQ(got, "");
}

}  // namespace
}  // namespace ncps::cache
