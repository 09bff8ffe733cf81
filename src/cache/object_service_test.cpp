// ObjectService: what is fetched once and kept, and what must not be.
#include "cache/object_service.h"

#include "cache/nar_info_rendering.h"
#include "cache/testing/object_fixture.h"

namespace ncps::cache {
namespace {

const std::string kDrv = "26xbg1ndr7hbcncrlf9nhx5is2b25d13-g++-1?x=2.drv";
const std::string kSha(64, 'a');
const std::string kId(40, 'b');

struct Object : ObjectFixture {
  nix::ObjectPath log = path("log/" + kDrv);
  nix::ObjectPath realisation = path("realisations/sha256:" + kSha + "!out.doi");
  nix::ObjectPath trace = path("build-trace-v2/" + kDrv + "/out.doi");
  nix::ObjectPath debug = path("debuginfo/" + kId + ".debug");

  std::vector<nix::ObjectPath> documents() { return {realisation, trace, debug}; }
};

TEST_F(Object, EveryKindIsFetchedOnceAndThenServedFromTheStore) {
  a.nar(log.url(), {.bytes = noise("log", 300'000)});
  for (const auto& what : documents())
    a.nar(what.url(), {.bytes = "{\"of\":\"" + what.url() + "\"}"});
  std::vector<nix::ObjectPath> all = documents();
  all.push_back(log);
  for (const auto& what : all) {
    auto miss = get_object(what).value().value();
    EXPECT_EQ(miss.how, "miss");
    EXPECT_EQ(miss.bytes, what == log ? noise("log", 300'000) : "{\"of\":\"" + what.url() + "\"}");
    EXPECT_EQ(miss.etag, etag_of(miss.bytes));
    auto hit = get_object(what).value().value();
    EXPECT_EQ(hit.how, "hit");
    EXPECT_EQ(hit.bytes, miss.bytes);
    EXPECT_EQ(hit.etag, miss.etag);
    EXPECT_EQ(a.asked_for(what.url()), 1u);
  }
  EXPECT_EQ(b.asked(), 0u);
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(Object, IsAskedForDecodedAndWithADeadline) {
  a.nar(log.url(), {.bytes = "x"});
  ASSERT_TRUE(get_object(log));
  auto call = a.calls().front();
  EXPECT_EQ(call.what, "log/26xbg1ndr7hbcncrlf9nhx5is2b25d13-g%2B%2B-1%3Fx%3D2.drv");
  EXPECT_EQ(call.decode, fetch::Decode::yes);
  EXPECT_EQ(call.first_byte, 0u);
  EXPECT_LT(call.deadline.remaining(), std::chrono::minutes(1));
}

TEST_F(Object, AnEmptyLogIsALog) {
  a.nar(log.url(), {.bytes = ""});
  EXPECT_EQ(bytes_of(log), "");
  EXPECT_EQ(get_object(log).value()->how, "hit");
}

// A store that counts who begins to read its blobs.
struct CountedReads final : storage::FailingBlobStore {
  struct Counted final : storage::Blob {
    Counted(std::unique_ptr<storage::Blob> blob, std::atomic<int>& reads)
        : inner(std::move(blob)), reads(reads) {}
    std::uint64_t size() const noexcept override { return inner->size(); }
    std::string version() const override { return inner->version(); }
    std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) override {
      ++reads;
      return inner->read(first, length);
    }
    std::unique_ptr<storage::Blob> inner;
    std::atomic<int>& reads;
  };
  using FailingBlobStore::FailingBlobStore;
  Task<std::unique_ptr<storage::Blob>> open(storage::BlobKey key) override {
    CO_TRY(auto blob, co_await FailingBlobStore::open(std::move(key)));
    if (!blob) co_return nullptr;
    co_return std::make_unique<Counted>(std::move(blob), reads);
  }
  std::atomic<int> reads = 0;
};

TEST_F(Object, ItsETagIsTakenOnceOfTheSameBytesAndAnewOfOthers) {
  CountedReads counted(*real_store, faults);
  ObjectService over_it(runtime, {.store = counted,
                                  .upstreams = upstreams,
                                  .narinfos = *service,
                                  .nars = *nars,
                                  .disk = disk,
                                  .cpu = cpu});
  auto etag = [&] {
    auto found = run(over_it.find(log, Deadline::after(std::chrono::minutes(1))));
    return found.value().value().etag;
  };
  auto key = object_key(log);
  for (auto bytes : {"one", "two", "one"}) {
    ASSERT_TRUE(run(real_store->put_text(key, bytes, storage::IfExists::replace)));
    auto before = counted.reads.load();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(etag(), etag_of(bytes));
    EXPECT_EQ(counted.reads - before, 1) << bytes;
  }
  EXPECT_TRUE(over_it.stop(Deadline::after(std::chrono::seconds(60))));
}

TEST_F(Object, ManyClientsAtOnceCostOneUpstreamRequest) {
  auto gate = std::make_shared<testing::Gate>();
  a.nar(log.url(), {.bytes = noise("log", 50'000), .answers = gate});
  std::vector<std::future<Result<std::optional<Got>>>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(get_object_meanwhile(log));
  ASSERT_TRUE(gate->wait_for(1));
  gate->open();
  for (auto& client : clients) EXPECT_EQ(client.get().value()->bytes, noise("log", 50'000));
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(Object, MissingEverywhereIsAbsentAndAFailureAnywhereIsNot) {
  EXPECT_EQ(get_object(log).value(), std::nullopt);
  EXPECT_EQ(a.asked_for(log.url()), 1u);
  EXPECT_EQ(b.asked_for(log.url()), 1u);
  for (auto* broken : {&a, &b}) {
    broken->nar(log.url(), {.refuses = down()});
    EXPECT_EQ(get_object(log).error().kind(), ErrorKind::upstream);
    broken->no_nar(log.url());
  }
  EXPECT_EQ(get_object(log).value(), std::nullopt);
  b.nar(log.url(), {.bytes = "late"});
  a.nar(log.url(), {.refuses = Error(ErrorKind::timeout, "slow")});
  EXPECT_EQ(bytes_of(log), "late");
}

TEST_F(Object, TheFirstUpstreamThatHasItWinsAndOneInBadStandingIsAskedLast) {
  a.nar(log.url(), {.bytes = "of a"});
  b.nar(log.url(), {.bytes = "of b"});
  a.nar(debug.url(), {.bytes = "{\"of\":\"a\"}"});
  b.nar(debug.url(), {.bytes = "{\"of\":\"b\"}"});
  EXPECT_EQ(bytes_of(log), "of a");
  EXPECT_EQ(b.asked(), 0u);
  a.stands(upstream::Standing::doubtful);
  EXPECT_EQ(bytes_of(debug), "{\"of\":\"b\"}");
  a.stands(upstream::Standing::refused);
  b.no_nar(realisation.url());
  a.nar(realisation.url(), {.bytes = "{}"});
  EXPECT_EQ(get_object(realisation).value(), std::nullopt);
}

TEST_F(Object, ABodyThatBreaksIsAskedForAgain) {
  auto bytes = noise("log", 100'000);
  a.nar(log.url(), {{.bytes = bytes, .breaks_at = 70'000}, {.bytes = bytes}});
  EXPECT_TRUE(bytes_of(log) == bytes);
  EXPECT_EQ(a.asked(), 2u);
  for (const auto& call : a.calls()) EXPECT_EQ(call.first_byte, 0u);
  EXPECT_EQ(b.asked(), 0u);
}

TEST_F(Object, ABodyThatAlwaysBreaksIsTakenElsewhereAndNeverKept) {
  auto bytes = noise("log", 100'000);
  a.nar(log.url(), {.bytes = bytes, .breaks_at = 99'999});
  EXPECT_EQ(get_object(log).error().kind(), ErrorKind::upstream);
  EXPECT_FALSE(kept(log));
  EXPECT_TRUE(nothing_temporary());
  b.nar(log.url(), {.bytes = bytes});
  EXPECT_TRUE(bytes_of(log) == bytes);
}

TEST_F(Object, ABodyShorterOrLongerThanAnnouncedIsNotKept) {
  for (std::uint64_t total : {99'999, 100'001}) {
    a.nar(log.url(), {.bytes = noise("log", 100'000), .total = total});
    EXPECT_EQ(get_object(log).error().kind(), ErrorKind::upstream);
    EXPECT_FALSE(kept(log));
  }
  a.nar(log.url(), {.bytes = noise("log", 100'000), .says_total = false});
  EXPECT_EQ(bytes_of(log), noise("log", 100'000));
}

TEST_F(Object, WhatIsNoJsonObjectIsNotKeptAndAnotherUpstreamsIs) {
  for (const auto& what : documents()) {
    for (auto bytes : {"<html>not found</html>", "", "[]", "{\"cut\":", "{}<!-- -->"}) {
      a.nar(what.url(), {.bytes = bytes});
      EXPECT_EQ(get_object(what).error().kind(), ErrorKind::corrupt) << what.str() << bytes;
      EXPECT_FALSE(kept(what));
    }
    b.nar(what.url(), {.bytes = "{}"});
    EXPECT_EQ(bytes_of(what), "{}");
  }
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(Object, IsBoundedInSizeWhetherOrNotTheUpstreamSaysSo) {
  auto large = "{\"" + std::string(1 << 20, 'x') + "\":1}";
  for (bool says : {true, false}) {
    a.nar(realisation.url(), {.bytes = large, .says_total = says});
    EXPECT_EQ(get_object(realisation).error().kind(), ErrorKind::corrupt);
  }
  a.nar(log.url(), {.bytes = large});
  EXPECT_TRUE(bytes_of(log) == large);
  auto just = "{\"" + std::string((1 << 20) - 6, 'x') + "\":1}";
  ASSERT_EQ(just.size(), 1u << 20);
  a.nar(realisation.url(), {.bytes = just, .says_total = false});
  EXPECT_TRUE(bytes_of(realisation) == just);
  a.nar(debug.url(), {.bytes = "{}", .total = (1 << 20) + 1});
  EXPECT_EQ(get_object(debug).error().kind(), ErrorKind::corrupt);
}

TEST_F(Object, AStoreThatFailsIsUnavailableAtEveryStepAndLeavesNothing) {
  a.nar(log.url(), {.bytes = noise("log", 50'000)});
  int steps = 0;
  for (;; ++steps) {
    faults.fail_nth(steps + 1);
    auto got = get_object(log);
    if (!faults.fired()) break;
    ASSERT_FALSE(got) << steps;
    EXPECT_EQ(got.error().kind(), ErrorKind::unavailable);
    EXPECT_TRUE(nothing_temporary());
    faults.heal();
    EXPECT_EQ(bytes_of(log), noise("log", 50'000));
    ASSERT_TRUE(run(real_store->remove(object_key(log))));
  }
  EXPECT_GE(steps, 5);       // open twice, spool, append, publish
  EXPECT_EQ(b.asked(), 0u);  // what is ours is not looked for elsewhere
}

TEST_F(Object, TheDeadlineEndsTheWaitingNotTheFetching) {
  auto gate = std::make_shared<testing::Gate>();
  a.nar(log.url(), {.bytes = "late", .answers = gate});
  auto late = run(ask(log, Deadline::after(std::chrono::milliseconds(50))));
  EXPECT_EQ(late.error().kind(), ErrorKind::timeout);
  gate->open();
  EXPECT_EQ(bytes_of(log), "late");
  EXPECT_EQ(a.asked(), 1u);
}

TEST_F(Object, WhatIsKeptNeedsNoUpstreamAndNoDatabase) {
  a.nar(log.url(), {.bytes = "kept"});
  ASSERT_TRUE(get_object(log));
  upstreams.replace({});
  for (auto call : {"find_nar", "find_narinfo", "put_narinfo"}) faults.fail_always(call);
  EXPECT_EQ(bytes_of(log), "kept");
}

TEST_F(Object, CutOffNobodyIsServedWhatIsNotHereYet) {
  a.nar(log.url(), {.bytes = "here"});
  ASSERT_TRUE(get_object(log));
  objects->cut_off();
  EXPECT_EQ(bytes_of(log), "here");
  EXPECT_EQ(get_object(debug).error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::cache
