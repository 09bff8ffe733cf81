// Every request of the store fails in its turn, in every way, once or from then on.
#include <gtest/gtest.h>

#include <future>

#include "rt/testing/drain.h"
#include "storage/s3/testing/bucket.h"
#include "storage/s3/testing/faulty_client.h"

namespace ncps::s3 {
namespace {

using storage::BlobKey;
using storage::BlobStore;
using storage::IfExists;
using testing::Broken;
using testing::FaultyClient;

BlobKey key(std::string_view text) {
  return BlobKey::parse(text).value();
}

const std::string kOld = "old text", kNew = "a new and longer text", kOnce = "written once";
const std::string kSmall(300'000, 's'), kBig((9 << 20) + 1, 'b');  // the big one goes in two parts

constexpr int kFewest = 12;  // requests of the work below

// Which steps of the work below were acknowledged.
struct Done {
  bool text = false, replaced = false, once = false, small = false, big = false, removed = false;
  bool all() const { return text && replaced && once && small && big && removed; }
};

// A bucket, and a store in it whose requests fail.
struct Lab {
  template <class T>
  Result<T> run(Task<T> task) {
    return block_on(bucket.runtime, std::move(task));
  }

  // A store whose requests go through `faults`, which it owns.
  std::unique_ptr<BlobStore> open() {
    auto client = std::make_unique<FaultyClient>(testing::Bucket::client());
    faults = client.get();
    return bucket.open_with(std::move(client)).value();
  }

  bool publish(BlobStore& store, std::string_view name, std::string_view bytes) {
    auto staged = run(store.stage(key(name)));
    if (!staged || !(*staged)->file().append(bytes)) return false;
    (*staged)->grown();
    return run((*staged)->publish()).has_value();
  }

  // What it reads must be what was acknowledged, or an Error.
  void look(BlobStore& store, std::string_view name, bool acknowledged, const std::string& bytes) {
    auto blob = run(store.open(key(name)));
    if (!blob) {
      EXPECT_EQ(blob.error().kind(), ErrorKind::unavailable);
      return;
    }
    if (acknowledged) EXPECT_TRUE(*blob) << name << ": said to be absent";
    if (!*blob) return;
    auto got = run(ncps::testing::drain((*blob)->read(0, (*blob)->size()))).value();
    if (!got.error) EXPECT_TRUE(got.bytes == bytes) << name;
    if (got.error) EXPECT_LT(got.bytes.size(), bytes.size()) << "an end before the Error";
  }

  // Everything that a store does, once.
  Done work(BlobStore& store) {
    Done done;
    done.text = run(store.put_text(key("t/a/text"), kOld, IfExists::replace)).has_value();
    done.replaced = run(store.put_text(key("t/a/text"), kNew, IfExists::replace)).has_value();
    done.once = run(store.put_text(key("config/once"), kOnce, IfExists::keep)).has_value();
    auto text = run(store.find_text(key("config/once")));
    if (done.once && text) EXPECT_EQ(*text, kOnce);
    done.small = publish(store, "store/nar/s/sm/small", kSmall);
    done.big = publish(store, "store/nar/b/bi/big", kBig);
    look(store, "store/nar/s/sm/small", done.small, kSmall);
    look(store, "store/nar/b/bi/big", done.big, kBig);
    auto size = run(store.find(key("store/nar/s/sm/small")));
    if (size && done.small) EXPECT_EQ(*size, kSmall.size());
    auto listed = run(store.list(key("store/nar"), ""));
    if (listed) EXPECT_GE(listed->size(), std::size_t(done.small) + std::size_t(done.big));
    done.removed = run(store.remove(key("config/once"))).has_value();
    return done;
  }

  // By what a store says that is opened anew, and fails nothing.
  void expect_nothing_half_done(const Done& done, const std::string& when) {
    auto store = bucket.open().value();
    auto text = [&](std::string_view name) { return run(store->find_text(key(name))).value(); };
    auto a = text("t/a/text"), once = text("config/once"), small = text("store/nar/s/sm/small"),
         big = text("store/nar/b/bi/big");
    EXPECT_TRUE(!a || *a == kOld || *a == kNew) << when;
    EXPECT_TRUE(!once || *once == kOnce) << when;
    EXPECT_TRUE(!small || *small == kSmall) << when;
    EXPECT_TRUE(!big || *big == kBig) << when;
    if (done.text) EXPECT_TRUE(a) << when << ": an acknowledged text is lost";
    if (done.replaced) EXPECT_EQ(a, kNew) << when;
    if (done.once && done.removed) EXPECT_FALSE(once) << when;
    if (done.once && !done.removed) EXPECT_TRUE(!once || *once == kOnce) << when;
    if (done.small) EXPECT_TRUE(small) << when << ": an acknowledged NAR is lost";
    if (done.big) EXPECT_TRUE(big) << when << ": an acknowledged NAR is lost";
    for (auto name : {"t/a/text", "config/once", "store/nar/s/sm/small", "store/nar/b/bi/big"})
      EXPECT_TRUE(run(store->remove(key(name)))) << when << ": the next one is well";
  }

  std::size_t uploads_left() {
    auto text = bucket.uploads();
    std::size_t count = 0;
    for (auto at = text.find("<UploadId>"); at != text.npos; at = text.find("<UploadId>", at + 1))
      ++count;
    return count;
  }

  testing::Bucket bucket{testing::Wire::plain};
  FaultyClient* faults = nullptr;
};

struct Fault {
  const char* name;
  Broken how;
};

class S3FaultsOnce : public ::testing::TestWithParam<Fault> {};

INSTANTIATE_TEST_SUITE_P(All, S3FaultsOnce,
                         ::testing::Values(Fault{"Refused", Broken::refused},
                                           Fault{"Internal", Broken::internal},
                                           Fault{"SlowDown", Broken::slow_down},
                                           Fault{"Denied", Broken::denied},
                                           Fault{"Cut", Broken::cut}, Fault{"Lost", Broken::lost}),
                         [](const auto& one) { return one.param.name; });

TEST_P(S3FaultsOnce, WhicheverRequestFailsItIsMadeAgainOrNothingHalfDoneIsSeen) {
  auto fault = GetParam();
  Lab lab;
  std::size_t lost = 0;
  int requests = 0;
  for (int n = 1;; ++n, ++requests) {
    auto when = std::string(fault.name) + " at request " + std::to_string(n);
    auto store = lab.open();
    lab.faults->fail_nth(n, fault.how);
    auto done = lab.work(*store);
    lab.faults->disarm();
    bool fired = lab.faults->fired();
    store.reset();  // and what runs behind the scenes has ended
    // What is denied is not asked again, nor is a document that breaks off.
    bool asked_again = fault.how != Broken::denied && fault.how != Broken::cut;
    if (asked_again || !fired) EXPECT_TRUE(done.all()) << when;
    lab.expect_nothing_half_done(done, when);
    // Of an upload its id may be lost; what is denied may be its end.
    auto left = lab.uploads_left();
    bool none = fault.how == Broken::refused || fault.how == Broken::internal ||
                fault.how == Broken::slow_down;
    EXPECT_LE(left, none ? 0 : lost + 1) << when;
    lost = left;
    if (!fired) break;
  }
  EXPECT_GE(requests, kFewest);
}

// A part is sent by a worker of which nobody asks for an exception.
TEST(S3Faults, WhicheverRequestOfAnUploadThrowsNobodyWaitsForItForEver) {
  Lab lab;
  for (int n = 1;; ++n) {
    SCOPED_TRACE(n);
    ASSERT_LT(n, 20);
    auto store = lab.open();
    lab.faults->fail_nth(n, Broken::thrown);
    bool kept = false, threw = false;
    try {
      kept = lab.publish(*store, "store/nar/b/bi/big", kBig);
    } catch (const std::runtime_error&) {
      threw = true;  // its own request, no worker's
    }
    bool fired = lab.faults->fired();
    lab.faults->disarm();
    EXPECT_TRUE(kept || fired);  // not each request is of the upload
    EXPECT_FALSE(threw && !fired);
    store.reset();  // and what runs behind the scenes has ended
    lab.expect_nothing_half_done({.big = kept}, "after an exception");
    if (!fired) break;
  }
}

// The server goes away at the n-th request, and we are told to end. Whether there was one.
bool gone_at(int n, Broken how) {
  Lab lab;
  auto when = "gone at request " + std::to_string(n);
  auto store = lab.open();
  lab.faults->fail_nth(n, how, [&store] { store->cut_off(); });
  auto done = lab.work(*store);
  lab.faults->disarm();
  bool fired = lab.faults->fired();
  store.reset();
  if (!fired) EXPECT_TRUE(done.all()) << when;
  lab.expect_nothing_half_done(done, when);
  return fired;
}

// Many at once: each waits some seconds for an end of which nobody hears.
TEST(S3Faults, WhereverTheServerGoesAwayNothingAcknowledgedIsLostAndNothingHalfDoneIsSeen) {
  constexpr int kAtOnce = 8;
  for (auto how : {Broken::refused, Broken::lost}) {
    int requests = 0;
    for (bool more = true; more;) {
      std::vector<std::future<bool>> some;
      for (int i = 1; i <= kAtOnce; ++i)
        some.push_back(std::async(std::launch::async, gone_at, requests + i, how));
      for (auto& one : some) {
        more = one.get();
        if (more) ++requests;
      }
    }
    EXPECT_GE(requests, kFewest);
  }
}

}  // namespace
}  // namespace ncps::s3
