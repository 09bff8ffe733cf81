#include "cache/nar_info_upload.h"

#include "cache/testing/upload_fixture.h"

namespace ncps::cache {
namespace {

struct NarInfoUpload : UploadFixture {
  Trust trusting(const nix::SecretKey& key) {
    auto with = trust();
    with.upload_keys = {key.public_key()};
    return with;
  }
};

TEST_F(NarInfoUpload, IsServedAtOnceAndAfterARestartAndWithoutItsRows) {
  auto sample = make_sample("one");
  send(sample);
  EXPECT_EQ(served(sample), sample.text());
  EXPECT_TRUE(run(catalog.find_narinfo(sample.hash())).value()->uploaded);
  restart();
  EXPECT_EQ(served(sample), sample.text());
  lose_rows(sample);
  EXPECT_EQ(served(sample), sample.text());
  EXPECT_TRUE(run(catalog.find_narinfo(sample.hash())).value()->uploaded);
  EXPECT_EQ(served(sample), sample.text());
}

TEST_F(NarInfoUpload, WithoutAnyMarkAnUnsignedTextInTheStoreIsWorthNothing) {
  auto sample = make_sample("one");
  send(sample);
  lose_rows(sample);
  ASSERT_TRUE(run(store.remove(upload_mark_key(sample.hash()))));
  EXPECT_EQ(served(sample), "");
}

TEST_F(NarInfoUpload, AMarkVouchesForNoOtherText) {
  auto sample = make_sample("one");
  send(sample);
  lose_rows(sample);
  sample.info.nar_size += 1;
  ASSERT_TRUE(
      run(store.put_text(narinfo_key(sample.hash()), sample.text(), storage::IfExists::replace)));
  EXPECT_EQ(served(sample), "");
}

TEST_F(NarInfoUpload, WithoutUpstreamKeysAnUploadIsStillNoUpstreams) {
  auto with = trust();
  with.upstream_keys.clear();
  with.sign_unverified = true;
  auto sample = make_sample("one");
  send(sample);
  restart(with);
  EXPECT_EQ(served(sample), sample.text());
  lose_rows(sample);
  EXPECT_EQ(served(sample), sample.text());  // not signed
}

TEST_F(NarInfoUpload, IsSignedByUsOnlyIfSomebodyVouchesOrTheOperatorSaysSo) {
  auto sample = make_sample("one");
  sample.sign(builder);
  send(sample);
  EXPECT_FALSE(signed_by_us(sample));
  restart(trusting(builder));
  EXPECT_TRUE(signed_by_us(sample));
  restart(trusting(nix::SecretKey::generate("builder").value()));
  EXPECT_FALSE(signed_by_us(sample));
  auto all = trust();
  all.sign_uploads = true;
  restart(all);
  EXPECT_TRUE(signed_by_us(sample));
  auto upstreams = make_sample("two");
  upstreams.sign(upstream_key);
  send(upstreams);
  restart();
  EXPECT_TRUE(signed_by_us(upstreams));
}

TEST_F(NarInfoUpload, ATrustedSignatureMayBeRequired) {
  upload_policy.replace({.require_signature = true});
  restart(trusting(builder));
  auto unsigned_one = make_sample("one"), foreign = make_sample("two"), good = make_sample("three"),
       moved = make_sample("four");
  foreign.sign(nix::SecretKey::generate("builder").value());
  good.sign(builder);
  moved.info.signatures = good.info.signatures;  // of another path
  for (const auto& sample : {unsigned_one, foreign, moved}) {
    EXPECT_EQ(put_nar(sample), "kept");
    EXPECT_EQ(put_info(sample), "untrusted");
    EXPECT_FALSE(kept(sample));
  }
  send(good);
}

TEST_F(NarInfoUpload, WhatDoesNotFitIsRefusedAndNothingIsKept) {
  auto sample = make_sample("one"), other = make_sample("other");
  EXPECT_EQ(put_info(sample), "unfit");  // its NAR is not here
  ASSERT_EQ(put_nar(sample), "kept");
  EXPECT_EQ(put_info(other.hash(), sample.text()), "unfit");
  EXPECT_EQ(put_info(sample.hash(), "no narinfo"), "unfit");
  EXPECT_EQ(put_info(sample.hash(), ""), "unfit");
  for (std::string url : {"nar/../x.nar", "http://a/nar/x.nar", "nar/x.nar?a=b", "x"}) {
    auto wrong = sample;
    wrong.info.url = url;
    EXPECT_EQ(put_info(wrong), "unfit") << url;
  }
  auto wrong = sample;
  wrong.info.nar_hash = other.info.nar_hash;
  EXPECT_EQ(put_info(wrong), "unfit");
  EXPECT_FALSE(kept(sample));
  EXPECT_EQ(put_info(sample), "kept");
}

TEST_F(NarInfoUpload, SentAgainItsSignaturesAreMerged) {
  auto a = nix::SecretKey::generate("a").value(), b = nix::SecretKey::generate("b").value();
  auto one = make_sample("one"), two = one;
  one.sign(a);
  two.sign(b);
  send(one);
  EXPECT_EQ(put_info(two), "kept");
  auto text = served(one);
  EXPECT_NE(text.find("Sig: a:"), text.npos);
  EXPECT_NE(text.find("Sig: b:"), text.npos);
  EXPECT_EQ(put_info(one), "kept");
  EXPECT_EQ(served(one).size(), text.size());
}

// Another instance: other locks, the same store and rows.
TEST_F(NarInfoUpload, OfTwoInstancesThatTakeItAtOnceNeitherLosesASignature) {
  constexpr int kEach = 5;
  auto sample = make_sample("one");
  send(sample);
  UploadLocks other_locks;
  NarInfoService other_service(runtime, store, catalog, upstreams, *downloads, cpu, live_trust,
                               policy);
  NarUploads other_nars({.store = store,
                         .catalog = catalog,
                         .downloads = *downloads,
                         .locks = other_locks,
                         .disk = disk,
                         .cpu = cpu});
  NarInfoUploads other({.store = store,
                        .catalog = catalog,
                        .narinfos = other_service,
                        .nars = *nars,
                        .nar_uploads = other_nars,
                        .locks = other_locks,
                        .cpu = cpu,
                        .trust = live_trust,
                        .policy = upload_policy});
  std::vector<std::string> keys;
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 2 * kEach; ++i) {
    auto key = nix::SecretKey::generate("key-" + std::to_string(i)).value();
    auto with = sample;
    with.info.signatures.clear();
    with.sign(key);
    keys.push_back("Sig: " + key.name() + ":");
    answers.push_back(std::async(std::launch::async, [this, with, i, &other] {
      auto& uploads = i % 2 == 0 ? narinfo_uploads : other;
      return said(run(uploads.put(with.hash(), with.text(), Elsewhere::not_asked)));
    }));
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get(), "kept");
  auto row = run(catalog.find_narinfo(sample.hash())).value()->text;
  EXPECT_EQ(run(store.find_text(narinfo_key(sample.hash()))).value(), row);
  for (const auto& key : keys) EXPECT_TRUE(row.contains(key)) << key;
  EXPECT_TRUE(other_service.stop(Deadline::after(std::chrono::seconds(60))));
}

TEST_F(NarInfoUpload, SentAgainAndAgainWithOtherSignaturesItStaysANarInfo) {
  auto sample = make_sample("one");
  send(sample);
  auto bytes = nix::SecretKey::generate("x").value().sign("").value().str().substr(1);  // ":..."
  std::string answer = "kept";
  for (int i = 0; i < 20 && answer == "kept"; ++i) {
    auto text = sample.text();
    for (int k = 0; k < 1'000; ++k) text += "Sig: " + std::to_string(i * 1'000 + k) + bytes + "\n";
    answer = put_info(sample.hash(), text);
    EXPECT_NE(served(sample), "");
  }
  EXPECT_EQ(answer, "too large");
}

// Its search began before, and ends after: the upload is what stays.
TEST_F(NarInfoUpload, ASearchThatWasUnderWayDoesNotTakeItBack) {
  auto& a = add_upstream("a");
  auto sample = make_sample("one"), theirs = sample;
  sample.sign(builder);
  theirs.sign(upstream_key);
  offer(a, theirs);
  auto gate = std::make_shared<ncps::testing::Gate>();
  a.narinfos_wait(gate);
  ASSERT_EQ(put_nar(sample), "kept");
  TaskGroup group;
  std::string answer;
  auto search = [&]() -> boost::asio::awaitable<void> {
    auto found = co_await service->find(sample.hash(), Asked::by_head, Deadline::never());
    EXPECT_TRUE(found && *found);
  };
  auto upload = [&]() -> boost::asio::awaitable<void> {
    answer = said(co_await narinfo_uploads.put(sample.hash(), sample.text(), Elsewhere::not_asked));
  };
  group.spawn(runtime.next_executor(), "search", search());
  ASSERT_TRUE(gate->wait_for(1));
  group.spawn(runtime.next_executor(), "upload", upload());
  gate->open();
  ASSERT_TRUE(group.join_blocking(Deadline::after(std::chrono::seconds(60))));
  EXPECT_EQ(answer, "kept");
  auto text = served(sample);
  EXPECT_NE(text.find("Sig: builder:"), text.npos) << text;
  EXPECT_TRUE(run(catalog.find_narinfo(sample.hash())).value()->uploaded);
}

TEST_F(NarInfoUpload, WhatIsVouchedForIsReplacedOnlyByWhatIs) {
  restart(trusting(builder));
  auto good = make_sample("one"), other = make_sample("one", 50'000);
  ASSERT_EQ(good.hash(), other.hash());
  good.sign(builder);
  send(good);
  ASSERT_EQ(put_nar(other), "kept");
  EXPECT_EQ(put_info(other), "conflict");
  EXPECT_NE(served(good).find(good.info.nar_hash.str()), std::string::npos);
  other.sign(builder);
  EXPECT_EQ(put_info(other), "kept");
  EXPECT_NE(served(good).find(other.info.nar_hash.str()), std::string::npos);
  lose_rows(other);
  EXPECT_NE(served(good).find(other.info.nar_hash.str()), std::string::npos);
}

TEST_F(NarInfoUpload, ReferencesMayBeRequired) {
  upload_policy.replace({.require_references = true});
  auto lib = make_sample("lib"), app = make_sample("app");
  app.info.references = {app.info.store_path, lib.info.store_path};
  ASSERT_EQ(put_nar(app), "kept");
  EXPECT_EQ(put_info(app), "unfit");
  send(lib);
  EXPECT_EQ(put_info(app), "kept");
}

TEST_F(NarInfoUpload, ANarThatOnlyAnUpstreamHasIsFetchedIfItMayBeAsked) {
  auto& upstream = add_upstream("https://a");
  auto sample = make_sample("one");
  upstream.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_EQ(put_info(sample.hash(), sample.text(), Elsewhere::not_asked), "unfit");
  EXPECT_EQ(put_info(sample.hash(), sample.text(), Elsewhere::asked), "kept");
  EXPECT_TRUE(at_rest(sample.url()));
}

TEST_F(NarInfoUpload, WhatFollowsFromItsContentsNeedsNoSignature) {
  upload_policy.replace({.require_signature = true});
  auto sample = make_sample("flat");
  sample.nar = nix::nar_of("hello\n");
  sample.file = codec::compress(nix::Compression::xz, sample.nar);
  auto file_hash = nix::Hash(crypto::sha256(sample.file));
  // As Nix 2.8 wrote it.
  sample.info.store_path =
      nix::StorePath::parse("/nix/store/gy454w1cxaq731grqwylhzf4pp9r5izh-hello.txt").value();
  sample.info.ca = "fixed:sha256:00xyyr3fi8l6hb839bv3f7yb86yjv7xi1cgh1xnhipym4asvb4aq";
  sample.info.nar_hash = nix::Hash(crypto::sha256(sample.nar));
  sample.info.nar_size = sample.nar.size();
  sample.info.file_hash = file_hash;
  sample.info.file_size = sample.file.size();
  sample.info.url = "nar/" + file_hash.nix32() + ".nar.xz";
  send(sample);
  EXPECT_TRUE(signed_by_us(sample));
  // The same path and claim, over other contents.
  auto other = sample;
  other.nar = nix::nar_of("hullo\n");
  other.file = codec::compress(nix::Compression::xz, other.nar);
  other.info.nar_hash = nix::Hash(crypto::sha256(other.nar));
  other.info.file_hash = nix::Hash(crypto::sha256(other.file));
  other.info.file_size = other.file.size();
  other.info.url = "nar/" + other.info.file_hash->nix32() + ".nar.xz";
  ASSERT_EQ(put_nar(other), "kept");
  EXPECT_EQ(put_info(other), "unfit");
}

// Nobody is kept away from what is being removed meanwhile: a row would promise it again.
TEST_F(NarInfoUpload, WhoAsksWhetherItIsHereMakesNoRow) {
  auto sample = make_sample("one");
  send(sample);
  lose_rows(sample);
  auto found = run(service->find_kept(sample.hash())).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text, sample.text());
  EXPECT_FALSE(run(real_catalog->find_narinfo(sample.hash())).value());
  EXPECT_FALSE(run(real_catalog->find_nar(sample.url())).value());
}

TEST_F(NarInfoUpload, WhateverFailsTheNextOneSucceeds) {
  auto sample = make_sample("one");
  ASSERT_EQ(put_nar(sample), "kept");
  bool fired = true;
  for (int n = 1; fired; ++n) {
    faults.fail_nth(n);
    auto first = put_info(sample);
    fired = faults.fired();
    EXPECT_EQ(first, fired ? "error: unavailable" : "kept") << n;
    faults.heal();
    EXPECT_EQ(put_info(sample), "kept") << n;
    EXPECT_EQ(served(sample), sample.text()) << n;
    ASSERT_TRUE(run(real_catalog->uploads().remove_narinfo(sample.hash()))) << n;
    ASSERT_TRUE(run(store.remove(narinfo_key(sample.hash()))));
    ASSERT_TRUE(run(store.remove(upload_mark_key(sample.hash()))));
    ASSERT_TRUE(run(nar_uploads.find(sample.url(), Deadline::never())));  // its row again
  }
}

}  // namespace
}  // namespace ncps::cache
