// Uploads that were left: the real server lists them, and a client between makes them old.
#include "storage/s3/s3_leftovers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <regex>
#include <thread>

#include "storage/s3/testing/bucket.h"
#include "storage/s3/testing/refusal.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using testing::Bucket;
using testing::OneText;
using testing::Wire;

// What a test and its client agree on.
struct Ages {
  std::atomic<bool> old = false;  // all uploads were begun in 2020
  std::atomic<int> listed = 0;    // times
};

class AgeingClient final : public fetch::HttpClient {
 public:
  AgeingClient(std::unique_ptr<fetch::HttpClient> inner, Ages& ages)
      : inner_(std::move(inner)), ages_(ages) {}

  boost::asio::awaitable<fetch::HttpResult> fetch(fetch::HttpRequest request,
                                                  Deadline deadline) override {
    bool lists =
        request.verb == fetch::Verb::get && request.url.find("?uploads") != std::string::npos;
    auto answer = co_await inner_->fetch(std::move(request), deadline);
    if (!lists || !answer) co_return answer;
    auto text = co_await S3Client::read_text({.http = std::move(*answer)}, 1 << 20, deadline);
    static const std::regex begun("<Initiated>[^<]*");
    auto said = text.value_or("");
    if (ages_.old) said = std::regex_replace(said, begun, "<Initiated>2020-01-01T00:00:00.000Z");
    fetch::HttpAnswer out;
    out.status = 200;
    out.content_length = said.size();
    out.body = std::make_unique<OneText>(std::move(said));
    ++ages_.listed;
    co_return out;
  }
  void stop() override { inner_->stop(); }

 private:
  const std::unique_ptr<fetch::HttpClient> inner_;
  Ages& ages_;
};

struct S3Leftovers : ::testing::Test {
  std::unique_ptr<storage::BlobStore> open() {
    return bucket.open_with(std::make_unique<AgeingClient>(Bucket::client(), ages)).value();
  }
  void begin_upload() {
    auto path = bucket.lab->address().object_path("store/nar/left");
    auto begun = bucket.ask({.verb = fetch::Verb::post, .path = path, .query = {{"uploads", ""}}});
    ASSERT_TRUE(begun.good());
  }
  bool is_left() { return bucket.uploads().find("store/nar/left") != std::string::npos; }
  // Whether it becomes true; looks for a minute.
  template <class Is>
  static bool soon(Is is) {
    for (auto end = Deadline::after(60s); !end.passed(); std::this_thread::yield())
      if (is()) return true;
    return false;
  }

  Bucket bucket{Wire::plain};
  Ages ages;
};

TEST_F(S3Leftovers, AreAbortedAtAStart) {
  begin_upload();
  ages.old = true;
  auto store = open();
  EXPECT_TRUE(soon([&] { return !is_left(); }));
}

TEST_F(S3Leftovers, OfLaterAreAbortedWithoutAStart) {
  bucket.options.look_for_leftovers_each = 10ms;
  auto store = open();
  ASSERT_TRUE(soon([&] { return ages.listed > 0; }));  // the look at the start is over
  begin_upload();
  ASSERT_TRUE(soon([&, seen = ages.listed.load()] { return ages.listed > seen + 1; }));
  EXPECT_TRUE(is_left()) << "it is no day old";
  ages.old = true;
  EXPECT_TRUE(soon([&] { return !is_left(); }));
}

// Its next look is a day away.
TEST_F(S3Leftovers, AStopWaitsForNoLook) {
  auto store = open();
  ASSERT_TRUE(soon([&] { return ages.listed > 0; }));
  store.reset();
  EXPECT_EQ(ages.listed, 1);
}

TEST_F(S3Leftovers, OpenedToBeReadItAbortsNothing) {
  begin_upload();
  ages.old = true;
  bucket.options.access = storage::Access::read;
  bucket.options.look_for_leftovers_each = 10ms;
  open().reset();
  EXPECT_TRUE(is_left());
  EXPECT_EQ(ages.listed, 0);
}

}  // namespace
}  // namespace ncps::s3
