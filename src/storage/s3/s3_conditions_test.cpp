// A server that has no conditional writes: what is to be written only if absent is, all the same.
#include <gtest/gtest.h>

#include "storage/s3/testing/bucket.h"
#include "storage/s3/testing/unconditional_client.h"

namespace ncps::s3 {
namespace {

using storage::BlobKey;
using storage::BlobStore;
using storage::IfExists;
using testing::Bucket;
using testing::UnconditionalClient;

struct S3WithoutConditions : ::testing::Test {
  template <class T>
  Result<T> run(Task<T> task) {
    return block_on(bucket.runtime, std::move(task));
  }

  Result<void> keep(std::string_view name, std::string text) {
    return run(store->put_text(BlobKey::parse(name).value(), std::move(text), IfExists::keep));
  }

  std::optional<std::string> text_of(std::string_view name) {
    return run(store->find_text(BlobKey::parse(name).value())).value();
  }

  // Somebody else's request, without our store.
  UnconditionalClient::Other other(S3Request request) {
    return [this, request]() -> boost::asio::awaitable<void> {
      auto answer = co_await bucket.lab->ask(request, Deadline::after(std::chrono::seconds(60)));
      EXPECT_TRUE(answer && answer->good());
    };
  }

  Bucket bucket{testing::Wire::plain};
  UnconditionalClient* client = nullptr;
  std::unique_ptr<BlobStore> store = [this] {
    auto made = std::make_unique<UnconditionalClient>(Bucket::client());
    client = made.get();
    return bucket.open_with(std::move(made)).value();
  }();
};

TEST_F(S3WithoutConditions, WhatIsAbsentIsWrittenAndWhatIsThereIsKept) {
  auto first = keep("config/one", "first");
  ASSERT_TRUE(first) << first.error().what();
  auto second = keep("config/one", "second");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(text_of("config/one"), "first");
}

TEST_F(S3WithoutConditions, WhoeverIsOverwrittenAtOnceIsToldSo) {
  client->after_next_put(other({.verb = fetch::Verb::put,
                                .path = bucket.lab->address().object_path("config/one"),
                                .body = std::string("theirs")}));
  auto ours = keep("config/one", "ours");
  ASSERT_FALSE(ours);
  EXPECT_EQ(ours.error().kind(), ErrorKind::conflict);
  EXPECT_EQ(text_of("config/one"), "theirs");
}

TEST_F(S3WithoutConditions, WhatGoesAtOnceIsNotWritten) {
  client->after_next_put(
      other({.verb = fetch::Verb::del, .path = bucket.lab->address().object_path("config/one")}));
  auto ours = keep("config/one", "ours");
  ASSERT_FALSE(ours);
  EXPECT_EQ(ours.error().kind(), ErrorKind::unavailable);
}

// Above all the look: "could not find out" is not "absent".
TEST_F(S3WithoutConditions, WhicheverRequestFailsNobodyIsSaidToHaveBeenFirst) {
  constexpr int kRequests = 3;  // a look, a PUT, and what stands then
  for (int n = 1; n <= kRequests; ++n) {
    auto name = "config/" + std::to_string(n);
    client->deny_nth(n);
    auto kept = keep(name, "ours");
    EXPECT_TRUE(client->denied()) << n;
    ASSERT_FALSE(kept) << n;
    EXPECT_EQ(kept.error().kind(), ErrorKind::unavailable) << n;
    EXPECT_EQ(text_of(name), n == kRequests ? std::optional<std::string>("ours") : std::nullopt);
  }
  client->deny_nth(kRequests + 1);
  EXPECT_TRUE(keep("config/last", "ours"));
  EXPECT_FALSE(client->denied());
}

}  // namespace
}  // namespace ncps::s3
