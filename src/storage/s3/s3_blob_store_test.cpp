#include "storage/s3/s3_blob_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/testing/temp_dir.h"
#include "rt/task_group.h"
#include "storage/s3/s3_leftovers.h"
#include "storage/s3/testing/bucket.h"
#include "storage/testing/blob_store_listing.h"
#include "storage/testing/blob_store_parts.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using storage::BlobKey;
using storage::BlobStore;
using storage::BlobStoreContract;
using storage::IfExists;
using testing::Bucket;
using testing::Wire;

struct StoreInBucket {
  explicit StoreInBucket(Wire wire) : bucket(wire) {}
  Bucket bucket;
  std::unique_ptr<BlobStore> store = bucket.open().value();
};

storage::BlobStoreFactory in_new_bucket(Wire wire) {
  return [wire]() -> std::shared_ptr<BlobStore> {
    auto all = std::make_shared<StoreInBucket>(wire);
    return {all, all->store.get()};
  };
}

INSTANTIATE_TEST_SUITE_P(S3, BlobStoreContract, ::testing::Values(in_new_bucket(Wire::plain)));
INSTANTIATE_TEST_SUITE_P(S3OverTls, BlobStoreContract, ::testing::Values(in_new_bucket(Wire::tls)));

struct S3BlobStoreTest : ::testing::Test {
  static BlobKey key(std::string_view text) { return BlobKey::parse(text).value(); }

  template <class T>
  Result<T> run(Task<T> task) {
    return block_on(bucket.runtime, std::move(task));
  }

  std::string refusal() {
    auto opened = bucket.open();
    EXPECT_FALSE(opened);
    return opened ? "" : opened.error().what();
  }

  Bucket bucket{Wire::plain};
};

TEST_F(S3BlobStoreTest, ABucketThatIsNotThereIsRefusedAtTheStart) {
  bucket.options.address.bucket += "-not";
  EXPECT_NE(refusal().find("the bucket does not exist"), std::string::npos) << refusal();
}

TEST_F(S3BlobStoreTest, WrongCredentialsAreRefusedAtTheStartAndNotRepeated) {
  bucket.options.secret_key = "not-the-secret";
  EXPECT_NE(refusal().find("the secret access key is wrong"), std::string::npos) << refusal();
  EXPECT_EQ(refusal().find("not-the-secret"), std::string::npos);
  bucket.options.access_key = "NOBODY";
  EXPECT_NE(refusal().find("does not know this access key"), std::string::npos) << refusal();
}

TEST_F(S3BlobStoreTest, AServerThatDoesNotAnswerIsNamed) {
  bucket.options.address.endpoint = "http://127.0.0.1:1";
  EXPECT_NE(refusal().find("http://127.0.0.1:1"), std::string::npos) << refusal();
}

TEST_F(S3BlobStoreTest, CredentialsAreFoundInTheEnvironment) {
  bucket.options.environment = {{"AWS_ACCESS_KEY_ID", bucket.options.access_key},
                                {"AWS_SECRET_ACCESS_KEY", bucket.options.secret_key}};
  bucket.options.access_key = bucket.options.secret_key = "";
  auto opened = bucket.open();
  EXPECT_TRUE(opened) << opened.error().what();
}

TEST_F(S3BlobStoreTest, ObjectsLieUnderTheirKeysBehindThePrefix) {
  bucket.options.address.key_prefix = "team/a b";
  auto store = bucket.open().value();
  ASSERT_TRUE(run(store->put_text(key("config/cache.key"), "text", IfExists::keep)));
  auto path = bucket.lab->address().object_path("team/a b/config/cache.key");
  EXPECT_EQ(bucket.text({.path = path}), "text");
}

TEST_F(S3BlobStoreTest, AVersionStaysAsLongAsItsBytes) {
  auto store = bucket.open().value();
  ASSERT_TRUE(run(store->put_text(key("a"), "text", IfExists::keep)));
  auto version = run(store->open(key("a"))).value()->version();
  EXPECT_NE(version, "");
  EXPECT_EQ(run(store->open(key("a"))).value()->version(), version);
}

TEST_F(S3BlobStoreTest, WhatIsGivenUpLeavesNoUploadBehind) {
  auto store = bucket.open().value();
  auto staged = run(store->stage(key("store/nar/x"))).value();
  const std::string mib(1 << 20, 'x');
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(staged->file().append(mib));
    staged->grown();
  }
  staged.reset();
  store.reset();  // waits for the abort
  EXPECT_EQ(bucket.uploads().find("<Upload>"), std::string::npos);
}

TEST_F(S3BlobStoreTest, PartsAreSentWhileTheFileGrows) {
  auto store = bucket.open().value();
  auto staged = run(store->stage(key("store/nar/x"))).value();
  ASSERT_TRUE(staged->file().append(std::string(17 << 20, 'x')));
  staged->grown();
  // Not published, but on its way: this ends when it has begun.
  while (bucket.uploads().find("<Upload>") == std::string::npos) std::this_thread::yield();
  EXPECT_EQ(run(store->open(key("store/nar/x"))).value(), nullptr);
  ASSERT_TRUE(run(staged->publish()));
  EXPECT_EQ(bucket.uploads().find("<Upload>"), std::string::npos);
  EXPECT_EQ(run(store->open(key("store/nar/x"))).value()->size(), 17u << 20);
}

TEST_F(S3BlobStoreTest, UploadsThatWereLeftAreAbortedIfTheyAreOldAndOurs) {
  for (auto name : {"store/nar/left", "somebody-elses"}) {
    auto path = bucket.lab->address().object_path(name);
    ASSERT_TRUE(
        bucket.ask({.verb = fetch::Verb::post, .path = path, .query = {{"uploads", ""}}}).good());
  }
  auto abort = [](S3Client& lab, std::chrono::sys_seconds before) -> Task<int> {
    std::atomic<bool> stopping = false;
    co_return co_await abort_leftovers(lab, before, stopping);
  };
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  EXPECT_TRUE(run(find_leftovers(*bucket.lab, now - 1h, 10)).value().empty());
  auto found = run(find_leftovers(*bucket.lab, now + 1h, 10)).value();
  EXPECT_EQ(found, std::vector<std::string>{"store/nar/left"});
  EXPECT_EQ(run(abort(*bucket.lab, now - 1h)).value(), 0);
  EXPECT_EQ(run(abort(*bucket.lab, now + 1h)).value(), 1);
  auto left = bucket.uploads();
  EXPECT_EQ(left.find("store/nar/left"), std::string::npos) << left;
  EXPECT_NE(left.find("somebody-elses"), std::string::npos) << left;
}

// It lies in /tmp, where anybody may have made it before us.
TEST_F(S3BlobStoreTest, ASpoolFolderThatIsNotOursIsRefusedAndOneThatIsOpenToOthersTakenFromThem) {
  namespace fs = std::filesystem;
  ncps::testing::TempDir root;
  bucket.options.spool = root.path() / "spool";
  fs::create_directory(root.path() / "elsewhere");
  fs::create_directory_symlink(root.path() / "elsewhere", bucket.options.spool);
  auto through_a_link = bucket.open();
  ASSERT_FALSE(through_a_link);
  EXPECT_NE(through_a_link.error().what().find(bucket.options.spool.native()), std::string::npos);
  EXPECT_TRUE(fs::is_empty(root.path() / "elsewhere"));
  fs::remove(bucket.options.spool);
  fs::create_directory(bucket.options.spool);
  fs::permissions(bucket.options.spool, fs::perms::group_write, fs::perm_options::add);
  EXPECT_TRUE(bucket.open());
  EXPECT_EQ(fs::status(bucket.options.spool).permissions(), fs::perms::owner_all);
  fs::remove_all(bucket.options.spool);
  if (::geteuid() == 0) {
    fs::create_directory(bucket.options.spool);
    ASSERT_EQ(::chown(bucket.options.spool.c_str(), 65534, 65534), 0);
    EXPECT_FALSE(bucket.open());
    fs::remove(bucket.options.spool);
  }
  EXPECT_TRUE(bucket.open());
}

TEST_F(S3BlobStoreTest, OpenedToBeReadItChangesNothing) {
  auto store = bucket.open().value();
  ASSERT_TRUE(run(store->put_text(key("a"), "text", IfExists::keep)));
  bucket.options.access = storage::Access::read;
  auto reader = bucket.open().value();
  EXPECT_EQ(run(reader->find_text(key("a"))).value(), "text");
  EXPECT_FALSE(run(reader->put_text(key("a"), "other", IfExists::replace)));
  EXPECT_FALSE(run(reader->stage(key("c"))));
  EXPECT_FALSE(run(reader->remove(key("a"))));
  EXPECT_TRUE(run(reader->leftovers()).value().empty());
  EXPECT_EQ(run(store->find_text(key("a"))).value(), "text");
}

TEST_F(S3BlobStoreTest, ManyWritersOfOneTextAgreeOnOne) {
  auto store = bucket.open().value();
  std::atomic<int> won{0}, lost{0};
  TaskGroup group;
  auto writer = [&](int i) -> boost::asio::awaitable<void> {
    auto done = co_await store->put_text(key("config/one"), std::to_string(i), IfExists::keep);
    ++(done ? won : lost);
  };
  for (int i = 0; i < 20; ++i) group.spawn(bucket.runtime.next_executor(), "writer", writer(i));
  ASSERT_TRUE(group.join_blocking(Deadline::after(60s)));
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 19);
}

TEST_F(S3BlobStoreTest, AnOutsideUrlNeedsNoCredentialsAndIsForThatMethodAndBlobOnly) {
  auto without = bucket.open().value();
  EXPECT_EQ(run(without->outside_url(key("a+b=c?d"), storage::Asking::get)).value(), std::nullopt);
  EXPECT_FALSE(without->has_outside_urls());
  bucket.options.outside_urls = OutsideUrls::yes;
  auto store = bucket.open().value();
  ASSERT_TRUE(run(store->put_text(key("a+b=c?d"), "text", IfExists::keep)));
  EXPECT_TRUE(store->has_outside_urls());
  auto url = run(store->outside_url(key("a+b=c?d"), storage::Asking::get)).value().value();
  auto asked = [&](fetch::Verb verb, std::string where) {
    auto ask = [](fetch::HttpClient& http, fetch::Verb with, std::string to) -> Task<int> {
      fetch::HttpRequest request{.url = std::move(to), .verb = with};
      auto answer = co_await http.fetch(std::move(request), Deadline::after(60s));
      co_return answer ? answer->status : 0;
    };
    return run(ask(*bucket.http, verb, std::move(where))).value();
  };
  EXPECT_EQ(asked(fetch::Verb::get, url), 200);
  EXPECT_EQ(asked(fetch::Verb::head, url), 403);
  EXPECT_EQ(asked(fetch::Verb::del, url), 403);
  auto other = url;
  other.replace(other.find("a%2Bb"), 5, "a%2Bx");
  EXPECT_EQ(asked(fetch::Verb::get, other), 403);
  auto head = run(store->outside_url(key("a+b=c?d"), storage::Asking::head)).value().value();
  EXPECT_EQ(asked(fetch::Verb::head, head), 200);
  EXPECT_EQ(url.find(bucket.options.secret_key), std::string::npos);
}

TEST_F(S3BlobStoreTest, WhatMayNotBeReadIsNotAbsent) {
  auto store = bucket.open().value();
  bucket.ask({.verb = fetch::Verb::del, .path = bucket.lab->address().bucket_path()});
  auto found = run(store->open(key("store/nar/x")));  // the bucket has gone: nobody knows
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind(), ErrorKind::unavailable);
}

TEST_F(S3BlobStoreTest, BeingCutOffAnUploadIsStillAborted) {
  auto store = bucket.open().value();
  auto staged = run(store->stage(key("store/nar/x"))).value();
  ASSERT_TRUE(staged->file().append(std::string(17 << 20, 'x')));
  staged->grown();
  while (bucket.uploads().find("<Upload>") == std::string::npos) std::this_thread::yield();
  store->cut_off();
  EXPECT_FALSE(run(staged->publish()));
  staged.reset();
  store.reset();
  EXPECT_EQ(bucket.uploads().find("<Upload>"), std::string::npos);
}

TEST_F(S3BlobStoreTest, AfterBeingCutOffEverythingFailsSoon) {
  auto store = bucket.open().value();
  store->cut_off();
  EXPECT_EQ(run(store->open(key("x"))).error().kind(), ErrorKind::unavailable);
  auto staged = run(store->stage(key("x"))).value();
  ASSERT_TRUE(staged->file().append("x"));
  EXPECT_FALSE(run(staged->publish()));
}

}  // namespace
}  // namespace ncps::s3
