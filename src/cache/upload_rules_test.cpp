#include "cache/upload_rules.h"

#include <gtest/gtest.h>

#include "cache/key_locks.h"
#include "cache/testing/sample.h"
#include "rt/testing/run_sync.h"

namespace ncps::cache {
namespace {

using nix::Compression;

TEST(Sniff, KnowsTheCompressionsByTheirMarks) {
  auto nar = nix::nar_of("hello");
  for (auto compression : {Compression::none, Compression::xz, Compression::zstd, Compression::gzip,
                           Compression::bzip2, Compression::lz4, Compression::lzip}) {
    auto file = codec::compress(compression, nar);
    EXPECT_EQ(sniff(file.substr(0, kSniffed)), compression) << nix::to_string(compression);
  }
}

TEST(Sniff, OfAnythingElseNothingIsSaid) {
  for (std::string_view head : {"", "x", "<html>", "\x0d\0\0\0", "StorePath: "})
    EXPECT_EQ(sniff(head), std::nullopt) << head;
}

NarFacts facts_of(const Sample& sample) {
  return {.file_hash = *sample.info.file_hash,
          .file_size = sample.file.size(),
          .nar_hash = sample.info.nar_hash,
          .nar_size = sample.nar.size()};
}

TEST(Misnamed, AHashInTheNameIsTheFilesOrTheNars) {
  auto sample = make_sample("one"), other = make_sample("other");
  auto facts = facts_of(sample);
  auto named = [&](const std::string& stem) {
    return misnamed(nix::NarUrl::parse("nar/" + stem + ".nar.xz").value(), facts).has_value();
  };
  EXPECT_FALSE(named(sample.info.file_hash->nix32()));
  EXPECT_FALSE(named(sample.info.nar_hash.nix32()));
  EXPECT_FALSE(named(crypto::to_hex(sample.info.nar_hash.digest())));
  EXPECT_FALSE(named(std::string(sample.hash().str()) + "-" + sample.info.nar_hash.nix32()));
  EXPECT_FALSE(named("whatever"));
  EXPECT_FALSE(named(std::string(sample.hash().str())));
  EXPECT_TRUE(named(other.info.file_hash->nix32()));
  EXPECT_TRUE(named(std::string(sample.hash().str()) + "-" + other.info.nar_hash.nix32()));
}

TEST(Misfit, EveryFieldThatSaysSomethingOfTheNarMustFit) {
  auto sample = make_sample("one");
  auto row = sample.row("");
  auto size = sample.file.size();
  auto fits = [&](const nix::NarInfo& info) {
    return !misfit(info, row, Compression::xz, size).has_value();
  };
  EXPECT_TRUE(fits(sample.info));
  auto info = sample.info;
  info.file_hash.reset();
  info.file_size.reset();
  EXPECT_TRUE(fits(info));  // says less
  for (int field = 0; field < 5; ++field) {
    info = sample.info;
    if (field == 0) info.nar_hash = nix::Hash(crypto::sha256("x"));
    if (field == 1) ++info.nar_size;
    if (field == 2) info.compression = Compression::zstd;
    if (field == 3) ++*info.file_size;
    if (field == 4) info.file_hash = nix::Hash(crypto::sha256("x"));
    EXPECT_FALSE(fits(info)) << field;
  }
}

TEST(Misfit, TheFileThatAnUpstreamHasSaysNothingOfTheOneThatWePacked) {
  auto sample = make_sample("one");
  auto row = sample.row("");
  row.compression = Compression::none;
  row.file_hash = nix::Hash(crypto::sha256("the upstream's"));
  sample.info.compression = Compression::zstd;
  EXPECT_FALSE(misfit(sample.info, row, Compression::zstd, sample.file.size()).has_value());
}

TEST(WithSignaturesOf, KeepsThoseThatWereThereOnce) {
  auto a = nix::SecretKey::generate("a").value(), b = nix::SecretKey::generate("b").value();
  auto kept = make_sample("one"), sent = make_sample("one");
  kept.sign(a);
  sent.sign(b);
  auto merged = with_signatures_of(sent.info, kept.info);
  ASSERT_EQ(merged.signatures.size(), 2u);
  EXPECT_EQ(merged.signatures[0].key_name, "b");
  EXPECT_EQ(merged.signatures[1].key_name, "a");
  EXPECT_EQ(with_signatures_of(merged, kept.info), merged);
}

Deadline soon() {
  return Deadline::after(std::chrono::milliseconds(1));
}

// "1" for each that got it, "t" for each that did not in time.
Task<std::string> take_in_turns(KeyLocks<int>& locks) {
  std::string got;
  auto note = [&](const auto& result) {
    got += result ? "1" : result.error().kind() == ErrorKind::timeout ? "t" : "?";
  };
  {
    auto one = co_await locks.take(1, soon());
    auto other = co_await locks.take(2, soon());
    note(one);
    note(other);
    auto again = co_await locks.take(1, soon());
    note(again);
    auto moved = std::move(*one);
    auto still = co_await locks.take(1, soon());
    note(still);
  }
  auto after = co_await locks.take(1, soon());
  note(after);
  co_return got;
}

using ncps::testing::run_sync;

TEST(KeyLocks, OneAtATimeForEachKeyAndTheNextWhenItIsDone) {
  boost::asio::io_context io{1};
  KeyLocks<int> locks;
  EXPECT_EQ(run_sync(io, take_in_turns(locks)).value(), "11tt1");
}

}  // namespace
}  // namespace ncps::cache
