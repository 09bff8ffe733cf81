// What a store says in the heads of its requests, to the real server, which believes no signature
// that it has not checked.
#include <gtest/gtest.h>

#include <algorithm>

#include "storage/s3/testing/bucket.h"
#include "storage/s3/testing/noting_client.h"

namespace ncps::s3 {
namespace {

using storage::BlobKey;
using storage::IfExists;
using testing::Bucket;
using testing::Noted;
using testing::NotingClient;
using testing::Wire;

constexpr std::size_t kSmall = 100'000, kLarge = 17 << 20;  // one PUT; parts

// Writes texts, a small blob and a large one; all that was asked for that.
std::vector<Noted> write_all(Bucket& bucket) {
  auto made = std::make_unique<NotingClient>(Bucket::client());
  auto* client = made.get();
  auto store = bucket.open_with(std::move(made)).value();
  auto key = [](std::string_view text) { return BlobKey::parse(text).value(); };
  auto put = [&](std::string_view name, std::size_t size) {
    return block_on(bucket.runtime,
                    store->put_text(key(name), std::string(size, 't'), IfExists::replace));
  };
  EXPECT_TRUE(put("text/short", 10));
  EXPECT_TRUE(put("text/long", 100'000));  // hashed on the pool
  for (auto [name, size] : {std::pair{"store/nar/small", kSmall}, {"store/nar/large", kLarge}}) {
    auto staged = block_on(bucket.runtime, store->stage(key(name))).value();
    for (std::size_t done = 0; done < size; done += 1000) {
      auto line = std::to_string(done);
      line.resize(std::min<std::size_t>(1000, size - done), 'x');
      EXPECT_TRUE(staged->file().append(line));
    }
    staged->grown();
    EXPECT_TRUE(block_on(bucket.runtime, staged->publish()));
  }
  auto all = client->noted();
  store.reset();
  return all;
}

bool of_a_part(const Noted& one) {
  return one.url.find("partNumber=") != std::string::npos;
}

// What decides how an object is kept: PUT of a whole one, and the beginning of one in parts.
bool makes_an_object(const Noted& one) {
  return (one.verb == fetch::Verb::put && !of_a_part(one)) ||
         (one.verb == fetch::Verb::post && one.url.find("uploads") != std::string::npos);
}

TEST(S3Requests, TheStorageClassGoesWithAllThatMakesAnObjectAndWithNothingElse) {
  Bucket bucket(Wire::plain);
  bucket.options.storage_class = "STANDARD";
  auto all = write_all(bucket);
  EXPECT_EQ(std::ranges::count_if(all, makes_an_object),
            4);  // two texts, a PUT, an upload in parts
  for (const auto& one : all) {
    EXPECT_EQ(one.header("x-amz-storage-class"), makes_an_object(one) ? "STANDARD" : "") << one.url;
    EXPECT_EQ(one.is_signed("x-amz-storage-class"), makes_an_object(one)) << one.url;
  }
}

TEST(S3Requests, WithoutAStorageClassNoneIsNamed) {
  Bucket bucket(Wire::plain);
  for (const auto& one : write_all(bucket))
    EXPECT_EQ(one.header("x-amz-storage-class"), "") << one.url;
}

// The gateway has a class of its own alone: another one, and it refuses.
TEST(S3Requests, TheServerHearsOfTheStorageClass) {
  Bucket bucket(Wire::plain);
  bucket.options.storage_class = "NO-SUCH-CLASS";
  auto store = bucket.open().value();
  auto put = store->put_text(BlobKey::parse("a").value(), "text", IfExists::replace);
  EXPECT_FALSE(block_on(bucket.runtime, std::move(put)));
}

TEST(S3Requests, OverPlainHttpTheHashOfEachBodyIsSigned) {
  Bucket bucket(Wire::plain);
  auto all = write_all(bucket);
  for (const auto& one : all) {
    EXPECT_EQ(one.header("x-amz-content-sha256"), payload_hash(one.body)) << one.url;
    EXPECT_TRUE(one.is_signed("x-amz-content-sha256")) << one.url;
  }
  EXPECT_EQ(std::ranges::count_if(all, of_a_part), 3);
  EXPECT_GE(std::ranges::count_if(all, [](const Noted& one) { return one.body.size() == 10; }), 1);
  EXPECT_GE(std::ranges::count_if(all, [](const Noted& one) { return one.body.empty(); }), 2);
}

TEST(S3Requests, OverTlsNoBodyIsHashed) {
  Bucket bucket(Wire::tls);
  auto all = write_all(bucket);
  EXPECT_EQ(std::ranges::count_if(all, of_a_part), 3);
  for (const auto& one : all) {
    EXPECT_EQ(one.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD") << one.url;
    EXPECT_TRUE(one.is_signed("x-amz-content-sha256")) << one.url;
  }
}

}  // namespace
}  // namespace ncps::s3
