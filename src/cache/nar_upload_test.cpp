#include "cache/nar_upload.h"

#include <fstream>

#include "cache/testing/plain_sample.h"
#include "cache/testing/turns.h"
#include "cache/testing/upload_fixture.h"

namespace ncps::cache {
namespace {

using nix::Compression;

struct NarUpload : UploadFixture {
  std::string bytes_at_rest(const nix::NarUrl& url) { return run(get(url)).value().bytes; }
};

TEST_F(NarUpload, OfEveryCompressionIsKeptAndServed) {
  for (auto compression : {Compression::xz, Compression::zstd, Compression::bzip2, Compression::br,
                           Compression::none, Compression::gzip, Compression::lz4}) {
    auto sample = make_sample("one", 100'000, compression);
    if (compression == Compression::gzip)  // Nix gives it no extension
      sample.info.url = "nar/" + sample.info.file_hash->nix32() + ".nar";
    EXPECT_EQ(put_nar(sample), "kept") << nix::to_string(compression);
    EXPECT_TRUE(bytes_at_rest(sample.url()) == sample.file);
    auto row = run(catalog.find_nar(sample.url())).value().value();
    EXPECT_EQ(row.compression, compression);
    EXPECT_EQ(row.nar_hash, sample.info.nar_hash);
    EXPECT_EQ(row.nar_size, sample.info.nar_size);
    EXPECT_EQ(row.file_hash, sample.info.file_hash);
    EXPECT_EQ(row.stored_size, sample.file.size());
  }
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(NarUpload, ArrivesInAnyPieces) {
  auto sample = make_sample("one", 3'000);
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, sample.file.size()}) {
    TextBody body(sample.file, step);
    EXPECT_EQ(said(run(nar_uploads.put(sample.url(), body, 1 << 20))), step == 1 ? "kept" : "here");
  }
}

TEST_F(NarUpload, WhatIsNotWhatItsNameSaysIsRefusedAndNothingOfItIsKept) {
  auto sample = make_sample("one"), other = make_sample("other");
  auto flipped = sample.file;
  flipped[flipped.size() / 2] ^= 1;
  auto nar = nix::nar_of("x");
  std::string wrong[] = {flipped,
                         sample.file.substr(0, sample.file.size() - 1),
                         sample.file + "x",
                         other.file,
                         sample.nar,
                         codec::compress(Compression::xz, nar + "x"),
                         codec::compress(Compression::xz, "no NAR"),
                         std::string(),
                         "x"};
  for (const auto& file : wrong) EXPECT_EQ(put_nar(sample.url(), file), "unfit") << file.size();
  auto plain = nix::NarUrl::parse("nar/anything.nar").value();
  for (const auto& file : {std::string("<html></html>"), std::string(), std::string(7, '\x0d')})
    EXPECT_EQ(put_nar(plain, file), "unfit");
  expect_nothing_kept();
  EXPECT_FALSE(run(catalog.find_nar(sample.url())).value());
}

// A few thousand bytes: without turns all of it would come out in one.
TEST_F(NarUpload, ABombLetsOthersHaveTheirTurnsOfThePool) {
  Pool one(1);
  Turns turns(one);
  NarUploads uploads({.store = store,
                      .catalog = catalog,
                      .downloads = *downloads,
                      .locks = locks,
                      .disk = disk,
                      .cpu = one});
  auto bomb = codec::compress(Compression::zstd, nix::nar_of(std::string(96 << 20, '\0')));
  auto url = nix::NarUrl::parse("nar/zeros.nar.zst").value();
  TextBody body(bomb, bomb.size());
  EXPECT_EQ(said(run(uploads.put(url, body, 1 << 20))), "kept");
  EXPECT_GE(turns.stop(), 6);
}

TEST_F(NarUpload, ANameThatIsNoHashIsTakenForWhatItHolds) {
  auto sample = make_sample("one");
  auto url = nix::NarUrl::parse("nar/anything.nar.xz").value();
  EXPECT_EQ(put_nar(url, sample.file), "kept");
  EXPECT_EQ(put_nar(url, make_sample("other").file), "conflict");
  EXPECT_TRUE(bytes_at_rest(url) == sample.file);
}

TEST_F(NarUpload, AnotherPackingOfTheSameNarIsAnotherFile) {
  auto sample = make_sample("one");
  auto url = nix::NarUrl::for_nar_hash(sample.info.nar_hash, Compression::zstd);
  auto file = codec::compress(Compression::zstd, sample.nar);
  EXPECT_EQ(put_nar(url, file), "kept");
  EXPECT_EQ(put_nar(url, file + codec::compress(Compression::zstd, "")), "conflict");
  EXPECT_EQ(put_nar(url, file), "here");
  EXPECT_TRUE(bytes_at_rest(url) == file);
}

TEST_F(NarUpload, WhatIsDamagedIsReplacedByWhatItsRowSays) {
  auto sample = make_sample("one");
  ASSERT_EQ(put_nar(sample), "kept");
  auto path = root.path() / nar_key(sample.url()).str();
  auto flipped = sample.file;
  flipped[flipped.size() / 2] ^= 1;
  for (const auto& wrong : {flipped, sample.file.substr(0, 100), std::string()}) {
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << wrong;
    EXPECT_EQ(put_nar(sample), "kept") << wrong.size();
    EXPECT_TRUE(bytes_at_rest(sample.url()) == sample.file);
    EXPECT_EQ(put_nar(sample), "here");
  }
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(NarUpload, ANameThatIsAnnouncedForAnotherNarIsAConflict) {
  auto sample = make_sample("one"), other = make_sample("other");
  auto url = nix::NarUrl::parse("nar/taken.nar.xz").value();
  auto row = other.row("https://a");
  row.url = url;
  db::NarInfoRow info{.hash = other.hash(), .text = other.text(), .upstream = "a", .nar_url = url};
  ASSERT_TRUE(run(catalog.put_narinfo(info, row)));
  EXPECT_EQ(put_nar(url, sample.file), "conflict");
  EXPECT_FALSE(at_rest(url));
  EXPECT_EQ(put_nar(url, other.file), "kept");
}

TEST_F(NarUpload, ToANameThatWeGiveToWhatWeCompressIsKeptToo) {
  auto sample = plain_sample("plain");
  auto row = plain_row(sample, "https://a");
  db::NarInfoRow info{
      .hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url};
  ASSERT_TRUE(run(catalog.put_narinfo(info, row)));
  EXPECT_EQ(put_nar(row.url, codec::compress(Compression::zstd, sample.nar)), "kept");
  EXPECT_EQ(run(catalog.find_nar(row.url)).value()->compression, Compression::none);
}

TEST_F(NarUpload, MoreThanMayBeIsNotTaken) {
  auto sample = make_sample("one");
  EXPECT_EQ(put_nar(sample.url(), sample.file, sample.file.size() - 1), "too large");
  expect_nothing_kept();
  EXPECT_EQ(put_nar(sample.url(), sample.file, sample.file.size()), "kept");
}

TEST_F(NarUpload, ABodyThatBreaksOffLeavesNothing) {
  auto sample = make_sample("one");
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, sample.file.size()}) {
    TextBody body(sample.file.substr(0, size), 1'000, Error(ErrorKind::invalid, "gone"));
    auto answer = run(nar_uploads.put(sample.url(), body, 1 << 20));
    EXPECT_EQ(said(answer), "error: invalid");
  }
  expect_nothing_kept();
}

TEST_F(NarUpload, OnAFullDiskThereIsNoRoom) {
  auto sample = make_sample("one");
  faults.fail_always("append");
  EXPECT_EQ(put_nar(sample), "no room");
  faults.heal();
  expect_nothing_kept();
  EXPECT_EQ(put_nar(sample), "kept");
}

TEST_F(NarUpload, WhateverFailsTheNextOneSucceeds) {
  auto sample = make_sample("one");
  bool fired = true;
  for (int n = 1; fired; ++n) {
    faults.fail_nth(n);
    auto first = put_nar(sample);
    fired = faults.fired();
    EXPECT_EQ(first == "kept", !fired) << n << first;
    faults.heal();
    auto second = put_nar(sample);
    EXPECT_TRUE(second == "kept" || second == "here") << n << second;
    EXPECT_TRUE(run(catalog.find_nar(sample.url())).value()->stored_size) << n;
    ASSERT_TRUE(run(removal.nar(sample.url())).value().found) << n;
  }
}

TEST_F(NarUpload, OfManyAtOnceOneWinsAndAllSucceed) {
  auto sample = make_sample("one", 500'000);
  std::vector<std::future<std::string>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(std::async(std::launch::async, [&] { return put_nar(sample); }));
  int kept = 0;
  for (auto& one : all) {
    auto answer = one.get();
    EXPECT_TRUE(answer == "kept" || answer == "here") << answer;
    kept += answer == "kept";
  }
  EXPECT_EQ(kept, 1);
  EXPECT_TRUE(nothing_temporary());
}

// Bodies that send so many bytes, and then wait at a gate, all at once.
struct NarUploadPlaces : NarUpload {
  struct Dripping final : ByteSource {
    Dripping(std::string all, testing::Gate& gate) : sent(std::move(all)), gate(gate) {}
    Task<Piece> next() override {
      if (!sent.empty()) {
        now = std::exchange(sent, {});
        co_return Piece(std::string_view(now));
      }
      co_await gate.pass();
      co_return fail(ErrorKind::invalid, "broke off");
    }
    std::string sent, now;
    testing::Gate& gate;
  };
  boost::asio::awaitable<void> drip(std::string bytes) {
    Dripping body(std::move(bytes), gate);
    auto answer = co_await nar_uploads.put(make_sample("x", 10).url(), body, 1 << 20, {}, "them");
    EXPECT_FALSE(answer);
  }
  // So many wait at the gate then.
  void drip(const std::string& bytes, int uploads, int arrive) {
    for (int i = 0; i < uploads; ++i) slow.spawn(runtime.next_executor(), "drip", drip(bytes));
    ASSERT_TRUE(gate.wait_for(arrive));
  }
  void end() {
    gate.open();
    EXPECT_TRUE(slow.join_blocking(Deadline::after(std::chrono::minutes(1))));
  }
  testing::Gate gate;
  TaskGroup slow;
};

TEST_F(NarUploadPlaces, WhoSendsNothingTakesNone) {
  drip("", 200, 200);
  EXPECT_EQ(put_nar(make_sample("one")), "kept");
  end();
}

TEST_F(NarUploadPlaces, OneAddressNeverHasAll) {
  drip("x", 200, NarUploads::kAtOnce * 3 / 4);
  EXPECT_EQ(put_nar(make_sample("one")), "kept");
  end();
}

TEST_F(NarUpload, ANarWithoutARowIsReadAndGetsOne) {
  auto sample = make_sample("one");
  ASSERT_EQ(put_nar(sample), "kept");
  ASSERT_TRUE(run(real_catalog->uploads().remove_nar(sample.url())));
  auto known = run(nar_uploads.find(sample.url(), Deadline::never())).value().value();
  EXPECT_EQ(known.row.nar_hash, sample.info.nar_hash);
  EXPECT_EQ(known.size, sample.file.size());
  EXPECT_TRUE(run(catalog.find_nar(sample.url())).value());
  EXPECT_FALSE(run(nar_uploads.find(make_sample("none").url(), Deadline::never())).value());
}

// A download of that URL, which brings another packing of the NAR, is on its way meanwhile.
TEST_F(NarUpload, OfTwoPackingsUnderOneUrlTheOneThatWasSentStays) {
  auto& upstream = add_upstream("a");
  auto sample = plain_sample("one");
  auto row = plain_row(sample, "a");
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  auto gate = std::make_shared<testing::Gate>();
  upstream.nar(sample.info.url,
               {.bytes = sample.nar, .says_total = false, .gate = gate, .gate_at = 100'000});
  auto reading = get_meanwhile(row.url);
  ASSERT_TRUE(gate->wait_for(1));
  auto sent = codec::compress(Compression::zstd, sample.nar);
  EXPECT_EQ(put_nar(row.url, sent), "kept");
  gate->open();
  auto read = reading.get();
  ASSERT_TRUE(read);
  EXPECT_TRUE(unzstd(read->bytes) == sample.nar);
  EXPECT_EQ(bytes_at_rest(row.url), sent);
  settle();
  std::ifstream file(root.path() / nar_key(row.url).str(), std::ios::binary);
  EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(file), {}) == sent);
}

// Another instance evicts it as soon as it is opened.
struct EvictedMeanwhile final : storage::FailingBlobStore {
  using FailingBlobStore::FailingBlobStore;
  Task<std::unique_ptr<storage::Blob>> open(storage::BlobKey key) override {
    CO_TRY(auto blob, co_await FailingBlobStore::open(key));
    if (blob) CO_TRY(co_await FailingBlobStore::remove(std::move(key)));
    co_return std::move(blob);
  }
};

TEST_F(NarUpload, WhatIsEvictedWhileItIsComparedIsKeptAnew) {
  auto sample = make_sample("one");
  ASSERT_EQ(put_nar(sample), "kept");
  EvictedMeanwhile evicting(*real_store, faults);
  NarUploads uploads({.store = evicting,
                      .catalog = catalog,
                      .downloads = *downloads,
                      .locks = locks,
                      .disk = disk,
                      .cpu = cpu});
  TextBody body(sample.file);
  EXPECT_EQ(said(run(uploads.put(sample.url(), body, 1 << 20))), "kept");
  EXPECT_TRUE(at_rest(sample.url()));
  ASSERT_TRUE(run(real_catalog->uploads().remove_nar(sample.url())));
  EXPECT_FALSE(run(uploads.find(sample.url(), Deadline::after(std::chrono::minutes(1)))).value());
}

}  // namespace
}  // namespace ncps::cache
