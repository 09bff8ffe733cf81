#include "cache/feed.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <deque>
#include <fstream>

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

TEST_F(FeedTest, EndsAtTheDeadline) {
  auto late = feed_all({Piece("one")}, Deadline::after(std::chrono::seconds(0)));
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  EXPECT_EQ(got, "");
}

}  // namespace
}  // namespace ncps::cache
