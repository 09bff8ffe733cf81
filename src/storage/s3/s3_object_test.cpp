// Objects from a server that answers what a test wrote down.
#include "storage/s3/s3_object.h"

#include <gtest/gtest.h>

#include "fetch/testing/scripted_client.h"
#include "rt/testing/drain.h"
#include "rt/testing/run_sync.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using fetch::Blame;
using fetch::HttpAnswer;
using fetch::testing::answer;
using fetch::testing::ScriptedBody;
using fetch::testing::ScriptedClient;

struct S3ObjectTest : ::testing::Test {
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  static Task<Credentials> nobody(Deadline) { co_return Credentials{"key", "secret", "", {}, ""}; }
  static std::chrono::sys_seconds now() { return std::chrono::sys_seconds(1'700'000'000s); }

  // The first bytes of an object of 10 bytes, and then a break.
  static HttpAnswer broken(std::string bytes, int status = 200) {
    auto out = answer(status);
    out.content_length = 10;
    out.etag = "\"e\"";
    std::deque<std::string> pieces;
    if (!bytes.empty()) pieces.push_back(std::move(bytes));
    out.body = std::make_unique<ScriptedBody>(pieces, Error(ErrorKind::upstream, "reset"));
    return out;
  }
  static HttpAnswer part(std::uint64_t first, std::string bytes) {
    auto out = answer(206, std::move(bytes));
    out.content_range = fetch::ContentRange{.first = first, .total = 10};
    return out;
  }
  static std::string error(std::string code) { return "<Error><Code>" + code + "</Code></Error>"; }

  Result<std::unique_ptr<storage::Blob>> open() {
    return run(open_object(client, "/bucket/key", {}, Deadline::after(60s)));
  }
  Result<std::unique_ptr<storage::Blob>> open(storage::Part part) {
    return run(open_object(client, "/bucket/key", part, Deadline::after(60s)));
  }
  Result<std::optional<std::uint64_t>> find() {
    return run(find_object(client, "/bucket/key", Deadline::after(60s)));
  }
  ncps::testing::Drained read(storage::Blob& blob, std::uint64_t first, std::uint64_t length) {
    return run(ncps::testing::drain(blob.read(first, length))).value();
  }
  // The value of a header of the n-th request; empty: it had none.
  std::string asked(std::size_t n, std::string_view name) const {
    for (const auto& [key, value] : http.asked.at(n).headers)
      if (key == name) return value;
    return "";
  }

  boost::asio::io_context io{1};
  ScriptedClient http;
  CredentialKeeper keeper{nobody, now};
  Pool cpu{1};
  S3Client client{Address::parse({.bucket = "bucket", .endpoint = "http://h"}).value(), http,
                  keeper, cpu};
  ~S3ObjectTest() override { cpu.join(); }
};

TEST_F(S3ObjectTest, IsOpenedAndReadWithOneRequest) {
  http.then(200, "0123456789");
  auto blob = open().value();
  EXPECT_EQ(blob->size(), 10u);
  EXPECT_EQ(read(*blob, 0, 10).bytes, "0123456789");
  EXPECT_EQ(http.asked.size(), 1u);
  EXPECT_EQ(http.asked[0].url, "http://h/bucket/key");
  EXPECT_EQ(http.asked[0].redirects, fetch::Redirects::none);
}

TEST_F(S3ObjectTest, GoesOnWithWhatIsMissingOfTheSameVersion) {
  http.then(broken("0123"));
  http.then(part(4, "45"));  // ends too early
  http.then(Error(ErrorKind::upstream, "refused"), Blame::unreachable);
  http.then(503, error("SlowDown"));
  http.then(part(6, "6789"));
  auto blob = open().value();
  auto all = read(*blob, 0, 10);
  EXPECT_FALSE(all.error) << all.error->what();
  EXPECT_EQ(all.bytes, "0123456789");
  EXPECT_EQ(asked(1, "range"), "bytes=4-9");
  EXPECT_EQ(asked(1, "if-match"), "\"e\"");
  EXPECT_EQ(asked(4, "range"), "bytes=6-9");
}

TEST_F(S3ObjectTest, APartIsAskedForAsOne) {
  http.then(broken(""));
  http.then(part(3, "345"));
  auto blob = open().value();
  EXPECT_EQ(read(*blob, 3, 3).bytes, "345");
  EXPECT_EQ(asked(1, "range"), "bytes=3-5");
  EXPECT_EQ(http.asked.size(), 2u);
}

TEST_F(S3ObjectTest, AHintedPartCostsOneRequest) {
  for (auto [wanted, range, first, bytes] :
       {std::tuple{storage::Part{.first = 3, .last = 5}, "bytes=3-5", 3u, "345"},
        std::tuple{storage::Part{.first = 8}, "bytes=8-", 8u, "89"},
        std::tuple{storage::Part{.last = 2}, "bytes=-2", 8u, "89"}}) {
    http.asked.clear();
    http.then(part(first, bytes));
    auto blob = open(wanted).value();
    EXPECT_EQ(blob->size(), 10u);
    EXPECT_EQ(read(*blob, first, std::string(bytes).size()).bytes, bytes);
    EXPECT_EQ(http.asked.size(), 1u);
    EXPECT_EQ(asked(0, "range"), range);
  }
}

TEST_F(S3ObjectTest, AServerThatIgnoresTheHintIsReadAsAWhole) {
  http.then(200, "0123456789");
  http.then(part(3, "345"));
  auto blob = open({.first = 3, .last = 5}).value();
  EXPECT_EQ(blob->size(), 10u);
  EXPECT_EQ(read(*blob, 3, 3).bytes, "345");
  EXPECT_EQ(http.asked.size(), 2u);
}

TEST_F(S3ObjectTest, ARangeWithoutItsTotalIsNoAnswer) {
  auto without = part(3, "345");
  without.content_range->total.reset();
  http.then(std::move(without));
  EXPECT_EQ(open({.first = 3}).error().kind(), ErrorKind::unavailable);
  http.then(part(8, "345"));  // of 10
  EXPECT_EQ(open({.first = 8}).error().kind(), ErrorKind::unavailable);
}

TEST_F(S3ObjectTest, TheSizeIsFoundWithOneRequestOfOneByte) {
  http.then(part(0, "0"));
  EXPECT_EQ(find().value(), 10u);
  EXPECT_EQ(http.asked.size(), 1u);
  EXPECT_EQ(asked(0, "range"), "bytes=0-0");
  http.then(416, error("InvalidRange"));
  http.then(416, error("InvalidRange"));
  EXPECT_EQ(find().value(), 0u);
  http.then(404, error("NoSuchKey"));
  EXPECT_EQ(find().value(), std::nullopt);
  http.then(404, "");  // a proxy in between
  EXPECT_EQ(find().error().kind(), ErrorKind::unavailable);
}

TEST_F(S3ObjectTest, BytesOfAnotherVersionAreNeverMixedIn) {
  for (auto [status, code] : {std::pair{412, "PreconditionFailed"}, std::pair{404, "NoSuchKey"},
                              std::pair{416, "InvalidRange"}}) {
    http.then(broken("0123"));
    http.then(status, error(code));
    auto blob = open().value();
    auto all = read(*blob, 0, 10);
    EXPECT_EQ(all.bytes, "0123");
    ASSERT_TRUE(all.error) << code;
    EXPECT_EQ(all.error->kind(), ErrorKind::unavailable);
  }
}

TEST_F(S3ObjectTest, AnotherRangeThanAskedForIsNotTaken) {
  auto other_total = part(4, "456789");
  other_total.content_range->total = 11;
  auto rangeless = answer(206, "456789");
  std::vector<HttpAnswer> wrong;
  wrong.push_back(part(5, "56789"));
  wrong.push_back(std::move(other_total));
  wrong.push_back(std::move(rangeless));
  wrong.push_back(answer(200, "0123456789"));
  for (auto& next : wrong) {
    http.then(broken("0123"));
    http.then(std::move(next));
    auto blob = open().value();
    auto all = read(*blob, 0, 10);
    EXPECT_EQ(all.bytes, "0123");
    EXPECT_TRUE(all.error);
  }
}

TEST_F(S3ObjectTest, AbsentIsOnlyWhatTheServerItselfSays) {
  http.then(404, error("NoSuchKey"));
  EXPECT_EQ(open().value(), nullptr);
  for (auto [status, body] : {std::pair{404, std::string()}, std::pair{404, error("NoSuchBucket")},
                              std::pair{403, error("AccessDenied")}, std::pair{301, std::string()},
                              std::pair{206, std::string("x")}}) {
    http.then(status, body);
    EXPECT_EQ(open().error().kind(), ErrorKind::unavailable) << status << body;
  }
}

TEST_F(S3ObjectTest, AnObjectWithoutALengthIsNoAnswer) {
  auto chunked = answer(200, "0123456789");
  chunked.content_length.reset();
  http.then(std::move(chunked));
  EXPECT_EQ(open().error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::s3
