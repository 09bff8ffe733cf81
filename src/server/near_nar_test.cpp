// Of a small NAR that was sent within the second: what may be sent again without looking, and what not.
#include "server/near_nar.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "cache/nar_layout.h"
#include "server/testing/router_fixture.h"
#include "storage/testing/failing_blob_store.h"

namespace ncps::server {
namespace {

using testing::package;
using testing::RawClient;
using testing::RouterTest;
using Second = NearNar::Second;

constexpr Second kNow{std::chrono::seconds(7)};

nix::NarUrl url(int number) {
  return nix::NarUrl::parse("nar/" + std::to_string(number) + ".nar.xz").value();
}

struct NearNarTest : ::testing::Test {
  std::shared_ptr<storage::SharedFile> file =
      std::make_shared<storage::SharedFile>(UniqueFd(::dup(0)));
  std::shared_ptr<const http::Prepared> head = http::prepare_file({}, 5);
  NearNar near;

  bool finds(const nix::NarUrl& which, Audience audience = Audience::everybody,
             Second second = kNow) const {
    return near.find(which, audience, second).has_value();
  }
};

TEST_F(NearNarTest, IsGivenWithinItsSecondToTheSameAudience) {
  EXPECT_FALSE(finds(url(1)));
  near.keep(url(1), Audience::everybody, kNow, file, head, 5);
  auto found = near.find(url(1), Audience::everybody, kNow);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->head, head);
  EXPECT_EQ(found->span.fd, file->fd.get());
  EXPECT_EQ(found->span.length, 5u);
  EXPECT_FALSE(finds(url(2)));
  EXPECT_FALSE(finds(url(1), Audience::token_holders));
  EXPECT_FALSE(finds(url(1), Audience::everybody, kNow + std::chrono::seconds(1)));
}

TEST_F(NearNarTest, WhatItsStoreLetsGoOfIsNotGivenAndHoldsNoSpace) {
  near.keep(url(1), Audience::everybody, kNow, file, head, 5);
  auto reader = near.find(url(1), Audience::everybody, kNow);
  file->retired = true;  // while somebody reads it still
  EXPECT_FALSE(finds(url(1)));
  file->retired = false;
  reader.reset();
  std::weak_ptr<storage::SharedFile> last = file;
  file.reset();
  EXPECT_TRUE(last.expired()) << "the place holds the file";
  EXPECT_FALSE(finds(url(1)));
}

// Requests of one connection, so of one thread: the third one and those after it find it near.
struct NearNarServed : RouterTest {
  NearNarServed() {
    store = std::make_unique<storage::FailingBlobStore>(*real_store, faults);
    start();
    serve(p);
    EXPECT_EQ(head(p.narinfo_path()).status, 200u);
    EXPECT_TRUE(get(p.nar_path()).complete);
    stop();  // waits until it is at rest
    start();
    client = std::make_unique<RawClient>(server->port());
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(ask_again().body == p.nar);
  }
  ~NearNarServed() override {
    stop();
    store = std::move(real_store);
  }
  // It is answered without its store, as long as no other second begins meanwhile.
  bool is_near() {
    for (auto patience = Deadline::after(std::chrono::seconds(60)); !patience.passed();) {
      faults.heal();
      ask_again();
      ask_again();
      faults.fail_always("open");
      auto near = ask_again();
      faults.heal();
      if (near.status == 200) return near.complete && near.body == p.nar;
    }
    return false;
  }
  http::testing::Answer ask_again(std::string_view more_headers = "",
                                  std::string_view method = "GET") {
    EXPECT_TRUE(client->send(std::string(method) + " " + p.nar_path() +
                             " HTTP/1.1\r\nHost: test\r\n" + std::string(more_headers) + "\r\n"));
    return client->read(method == "HEAD" ? RawClient::To::head : RawClient::To::get);
  }
  storage::BlobKey key() const {
    return cache::nar_key(nix::NarUrl::parse(p.nar_path().substr(1)).value());
  }

  testing::Package p = package('a', std::string(60'000, 'n'));
  ncps::testing::FaultPlan faults;
  std::unique_ptr<storage::BlobStore> real_store = std::move(store);
  std::unique_ptr<RawClient> client;
};

TEST_F(NearNarServed, IsTheSameAnswerAsEver) {
  EXPECT_TRUE(is_near());
  auto fresh = get(p.nar_path());
  for (int i = 0; i < 3; ++i) {
    auto near = ask_again();
    for (auto name : {"Content-Type", "Content-Length", "Accept-Ranges", "ETag", "Cache-Control"})
      EXPECT_EQ(value_of(near, name), value_of(fresh, name)) << name;
    EXPECT_TRUE(near.complete && near.body == p.nar);
  }
  EXPECT_EQ(ask_again("", "HEAD").status, 200u);
  auto part = ask_again("Range: bytes=5-9\r\n");
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(part.body, p.nar.substr(5, 5));
  EXPECT_EQ(ask_again("If-None-Match: " + value_of(fresh, "ETag") + "\r\n").status, 304u);
  EXPECT_TRUE(ask_again().body == p.nar);
}

TEST_F(NearNarServed, WhatWasRemovedIsNotServedAnyMore) {
  EXPECT_TRUE(is_near());
  first->remove_all();
  ASSERT_TRUE(block_on(runtime, store->remove(key())));
  EXPECT_NE(ask_again().status, 200u);
}

TEST_F(NearNarServed, WhatWasReplacedIsServedAsItIsNow) {
  auto publish = [](storage::BlobStore& store, storage::BlobKey key,
                    std::string text) -> Task<void> {
    CO_TRY(auto staged, co_await store.stage(std::move(key)));
    CO_TRY(staged->file().append(text));
    co_return co_await staged->publish();
  };
  EXPECT_TRUE(is_near());
  ASSERT_TRUE(block_on(runtime, publish(*store, key(), "replaced")));
  EXPECT_EQ(ask_again().body, "replaced");
}

// In another process: noticed when the second is over.
TEST_F(NearNarServed, WhatSomebodyElseRemovesIsServedForASecondAtMost) {
  EXPECT_TRUE(is_near());
  std::filesystem::remove(root.path() / key().str());
  auto begin = NearNar::now();
  for (;;) {
    auto second = NearNar::now();
    auto answer = ask_again();
    EXPECT_TRUE(answer.complete && answer.body == p.nar);  // from its place, or fetched again
    if (second > begin + std::chrono::seconds(1)) break;
  }
  EXPECT_EQ(first->calls().nars, 2u);
}

}  // namespace
}  // namespace ncps::server
