// What we compress ourselves, of several instances: two packings of one NAR are never mixed.
#include <fstream>

#include "cache/testing/peers_fixture.h"
#include "cache/testing/plain_sample.h"
#include "codec/zstd_encoder.h"

namespace ncps::cache {
namespace {

using upstream::FakeNar;

struct PeersCompressed : PeersFixture {
  PeersCompressed() { announce(row, sample); }

  // The same NAR, as an instance with another compressor would have packed it.
  std::string packed_otherwise() {
    auto zstd = nix::Compression::zstd;  // in two frames
    auto other = codec::compress(zstd, sample.nar.substr(0, 1'000)) +
                 codec::compress(zstd, sample.nar.substr(1'000));
    EXPECT_TRUE(unzstd(other) == sample.nar);
    return other;
  }
  // As if another instance had published it.
  void keep_file(const std::string& bytes) {
    auto path = root.path() / nar_key(row.url).str();
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
  }
  std::string kept() {
    auto got = client(c, row.url).get();
    EXPECT_EQ(got.how, "hit");
    return got.bytes;
  }

  upstream::FakeUpstream& u = add_upstream("u");
  Sample sample = plain_sample("plain-1.0", 1'000'000);
  db::NarRow row = plain_row(sample, "u");
  const std::string& from = sample.info.url;
};

TEST_F(PeersCompressed, AFollowerGetsThePackingOfTheHolder) {
  auto gate = std::make_shared<testing::Gate>();
  u.nar(from, FakeNar{.bytes = sample.nar, .gate = gate, .gate_at = 700'000});
  auto first = client(a, row.url);
  ASSERT_TRUE(has(a, row.url, 1'000));
  auto second = client(b, row.url);
  ASSERT_TRUE(has(b, row.url, 1'000));
  gate->open();
  auto mine = first.get(), theirs = second.get();
  EXPECT_FALSE(theirs.error);
  EXPECT_EQ(theirs.how, "peer");
  EXPECT_TRUE(mine.bytes == theirs.bytes);
  EXPECT_TRUE(unzstd(theirs.bytes) == sample.nar);
  EXPECT_EQ(u.asked(), 1u);
}

TEST_F(PeersCompressed, WhoTakesOverGoesOnWhereItsOwnPackingIsTheSame) {
  auto gate = std::make_shared<testing::Gate>();
  u.nar(from, {{.bytes = sample.nar, .gate = gate, .gate_at = 700'000}, {.bytes = sample.nar}});
  auto first = client(a, row.url);
  ASSERT_TRUE(has(a, row.url, 1'000));
  auto second = client(b, row.url);
  ASSERT_TRUE(has(b, row.url, 1'000));
  leases.expire(lease_of(row.url));
  peers.kill(a.url);
  gate->open();
  auto mine = first.get(), theirs = second.get();
  EXPECT_FALSE(theirs.error) << theirs.error->what();
  EXPECT_TRUE(unzstd(theirs.bytes) == sample.nar);
  EXPECT_TRUE(mine.bytes == theirs.bytes);
  ASSERT_TRUE(idle(b, row.url));
  EXPECT_TRUE(kept() == theirs.bytes);
  EXPECT_EQ(u.calls().back().first_byte, 0u) << "positions there have nothing to do with ours";
}

TEST_F(PeersCompressed, WhoCannotGoOnBreaksOffAndTheNextRequestIsWhole) {
  u.nar(from, FakeNar{.bytes = sample.nar});
  auto other = packed_otherwise();
  leases.take(lease_of(row.url), a.url);
  peers.at(a.url, [&](TestPeers::Peer& p) {
    p.says = FakeNar{.bytes = other, .total = other.size(), .breaks_at = 300'000};
  });
  auto second = client(b, row.url);
  ASSERT_TRUE(has(b, row.url, 300'000));
  leases.expire(lease_of(row.url));
  auto got = second.get();
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->kind(), ErrorKind::unavailable);
  EXPECT_TRUE(other.starts_with(got.bytes)) << "of one packing, however little";
  got = client(b, row.url).get();
  EXPECT_FALSE(got.error);
  EXPECT_TRUE(unzstd(got.bytes) == sample.nar);
  ASSERT_TRUE(idle(b, row.url));
  EXPECT_TRUE(kept() == got.bytes);
}

TEST_F(PeersCompressed, WhatLiesInTheStoreIsComparedToo) {
  for (bool same : {true, false}) {
    SCOPED_TRACE(same);
    auto other = packed_otherwise();
    auto gate = std::make_shared<testing::Gate>();
    leases.take(lease_of(row.url), a.url);
    peers.at(a.url, [&](TestPeers::Peer& p) {
      p.says = FakeNar{.bytes = other,
                       .total = other.size(),
                       .breaks_at = 300'000,
                       .gate = gate,
                       .gate_at = 200'000};
    });
    auto second = client(b, row.url);
    ASSERT_TRUE(has(b, row.url, 200'000));
    auto stored = same ? other : [&] {
      auto encoder = codec::ZstdEncoder::make(sample.nar.size()).value();
      std::string out;
      auto sink = [&](std::string_view part) -> Result<void> {
        out += part;
        return {};
      };
      EXPECT_TRUE(encoder.feed(sample.nar, sink) && encoder.finish(sink));
      return out;
    }();
    ASSERT_FALSE(!same && stored.starts_with(other.substr(0, 300'000))) << "they do not differ";
    keep_file(stored);
    gate->open();
    auto got = second.get();
    EXPECT_EQ(got.error.has_value(), !same);
    EXPECT_TRUE(other.starts_with(got.bytes));
    if (same) EXPECT_TRUE(got.bytes == other);
    EXPECT_EQ(u.asked(), 0u);
    ASSERT_TRUE(idle(b, row.url));
    leases.expire(lease_of(row.url));
    ASSERT_TRUE(run(store.remove(nar_key(row.url))));
  }
}

}  // namespace
}  // namespace ncps::cache
