// Under which URL a NAR is announced, and that it can be had there.
#include <set>

#include "cache/nar_info_rendering.h"
#include "cache/testing/nar_info_fixture.h"
#include "cache/testing/plain_sample.h"

namespace ncps::cache {
namespace {

const char* const kOddUrls[] = {"https://cdn.example/nar/x.nar.xz",
                                "nar/x.nar.xz?token=abc",
                                "../x.nar.xz",
                                "nar/../../x.nar.xz",
                                "0b3f0d8e-4ed5-4c5e-9d6f-5a7d3e0c9f11",
                                "nar/a/b.nar.xz",
                                "nar/x%2f.nar.xz",
                                "nar/x.tar.xz",
                                "/nar/x.nar.xz"};

TEST(NarInfoRendering, AnnouncesTheUpstreamsOwnUrlIfWeCanServeIt) {
  auto sample = make_sample("hello-1.0", 100);
  EXPECT_EQ(announced_urls(sample.info).front().str(), sample.info.url);
  for (auto plain : {"nar/x.nar", "nar/0b3f0d8e-4ed5.nar.zst", "nar/a_b-C.nar.xz"}) {
    sample.info.url = plain;
    EXPECT_EQ(announced_urls(sample.info).front().str(), plain);
  }
  for (auto odd : kOddUrls) {
    sample.info.url = odd;
    EXPECT_EQ(announced_urls(sample.info).front().str(),
              "nar/" + sample.info.nar_hash.nix32() + ".nar.xz")
        << odd;
  }
}

TEST(NarInfoRendering, IfAnotherNarHasThatUrlThereAreNamesLeftThatNoOtherCanHave) {
  auto sample = make_sample("hello-1.0", 100);
  auto nar_hash = sample.info.nar_hash.nix32();
  auto of_path = "nar/" + std::string(sample.hash().str()) + "-" + nar_hash + ".nar";
  auto names = [&] {
    std::vector<std::string> all;
    for (const auto& url : announced_urls(sample.info)) all.push_back(url.str());
    return all;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(), (Names{sample.info.url, "nar/" + nar_hash + ".nar.xz", of_path + ".xz"}));
  sample.info.compression = nix::Compression::none;
  for (std::string url : {"nar/x.nar", "nar/x.nar?hash=y", "https://cdn.example/x"}) {
    sample.info.url = url;
    EXPECT_EQ(names(),
              (Names{"nar/" + nar_hash + ".nar.zst", "nar/" + nar_hash + ".nar", of_path}));
  }
}

TEST(NarInfoRendering, OnlyWhatIsNotCompressedAndHasOurNameForThatIsCompressedByUs) {
  auto hash = make_sample("hello-1.0", 100).info.nar_hash;
  auto other = make_sample("other-1.0", 100).info.nar_hash;
  auto url = [](std::string_view text) { return nix::NarUrl::parse(text).value(); };
  auto ours = url("nar/" + hash.nix32() + ".nar.zst");
  EXPECT_TRUE(compressed_by_us(nix::Compression::none, hash, ours));
  EXPECT_FALSE(compressed_by_us(nix::Compression::none, other, ours));
  EXPECT_FALSE(compressed_by_us(nix::Compression::zstd, hash, ours));
  EXPECT_FALSE(compressed_by_us(nix::Compression::xz, hash, ours));
  for (auto text : {"nar/x.nar", "nar/x.nar.zst", "nar/x.nar.none"})
    EXPECT_FALSE(compressed_by_us(nix::Compression::none, hash, url(text))) << text;
  EXPECT_FALSE(compressed_by_us(nix::Compression::none, hash, url("nar/" + hash.nix32() + ".nar")));
}

TEST(NarInfoRendering, WhatWeCompressIsSaidToBeZstdAndNothingOfTheOtherFileIsLeft) {
  auto sample = make_sample("hello-1.0", 100, nix::Compression::none);
  auto ours = nix::SecretKey::generate("ours").value();
  for (auto compressed : {false, true}) {
    auto url = compressed ? announced_urls(sample.info)[0] : announced_urls(sample.info)[1];
    auto served = nix::parse_nar_info(served_text(sample.info, url, {&ours, 1}).value()).value();
    EXPECT_EQ(served.url, url.str());
    EXPECT_EQ(served.compression, compressed ? nix::Compression::zstd : nix::Compression::none);
    EXPECT_EQ(served.file_hash.has_value(), !compressed);
    EXPECT_EQ(served.file_size.has_value(), !compressed);
    EXPECT_EQ(served.nar_hash, sample.info.nar_hash);
    EXPECT_EQ(served.nar_size, sample.info.nar_size);
    EXPECT_TRUE(
        nix::signed_by_any(nix::fingerprint(served), served.signatures, {{ours.public_key()}}));
  }
}

TEST(NarInfoRendering, ChangesUrlAndOurSignatureAndNothingElse) {
  auto sample = make_sample("hello-1.0", 100);
  auto upstream = nix::SecretKey::generate("upstream").value();
  auto ours = nix::SecretKey::generate("ours").value();
  sample.sign(upstream);
  sample.info.deriver = sample.info.store_path.base_name();
  sample.info.ca = "fixed:sha256:x";
  sample.info.other = {{"X-Other", "kept"}};
  auto url = nix::NarUrl::parse("nar/elsewhere.nar.xz").value();
  auto expected = sample.info;
  expected.url = url.str();
  EXPECT_EQ(nix::parse_nar_info(served_text(sample.info, url, {}).value()).value(), expected);
  expected.signatures.push_back(ours.sign(nix::fingerprint(sample.info)).value());
  EXPECT_EQ(nix::parse_nar_info(served_text(sample.info, url, {&ours, 1}).value()).value(),
            expected);
}

TEST(NarInfoRendering, TheETagIsStrongAndFollowsTheText) {
  EXPECT_EQ(etag_of("a"), etag_of("a"));
  EXPECT_NE(etag_of("a"), etag_of("b"));
  EXPECT_EQ(etag_of("").size(), 34u);
  EXPECT_TRUE(etag_of("a").starts_with('"') && etag_of("a").ends_with('"'));
}

using NarInfoUrls = NarInfoFixture;

TEST_F(NarInfoUrls, AnOddUrlIsAnnouncedByItsNarHashAndServedFromThere) {
  auto& a = add_upstream("a");
  int number = 0;
  for (auto odd : kOddUrls) {
    SCOPED_TRACE(odd);
    auto sample = make_sample("odd-" + std::to_string(++number), 2'000);
    sample.info.url = odd;
    sample.sign(upstream_key);
    offer(a, sample);
    a.nar(odd, {.bytes = sample.file});
    auto info = found(sample);
    EXPECT_EQ(info.url, "nar/" + sample.info.nar_hash.nix32() + ".nar.xz");
    auto got = run(get(nix::NarUrl::parse(info.url).value()));
    ASSERT_TRUE(got) << got.error().what();
    EXPECT_FALSE(got->error);
    EXPECT_TRUE(got->bytes == sample.file);
  }
}

TEST_F(NarInfoUrls, TwoNarsUnderOneUrlGetTwo) {
  auto& a = add_upstream("a");
  auto& b = add_upstream("b");
  auto one = make_sample("one", 2'000), two = make_sample("two", 2'000);
  for (auto* sample : {&one, &two}) {
    sample->info.url = "nar/same.nar.xz";
    sample->sign(upstream_key);
  }
  offer(a, one);
  offer(b, two);
  a.nar("nar/same.nar.xz", {.bytes = one.file});
  b.nar("nar/same.nar.xz", {.bytes = two.file});
  auto url_of_one = found(one).url, url_of_two = found(two).url;
  EXPECT_EQ(url_of_one, "nar/same.nar.xz");
  EXPECT_EQ(url_of_two, "nar/" + two.info.nar_hash.nix32() + ".nar.xz");
  EXPECT_TRUE(run(get(nix::NarUrl::parse(url_of_one).value())).value().bytes == one.file);
  EXPECT_TRUE(run(get(nix::NarUrl::parse(url_of_two).value())).value().bytes == two.file);
  EXPECT_EQ(found(one).url, url_of_one);  // for ever
  EXPECT_EQ(found(two).url, url_of_two);
}

TEST_F(NarInfoUrls, TwoNarsUnderOneUrlGetTwoAlsoIfTheyComeAtOnce) {
  auto& a = add_upstream("a");
  for (int round = 0; round < 20; ++round) {
    std::vector<Sample> samples;
    std::string url = "nar/same-" + std::to_string(round) + ".nar.xz";
    for (int i = 0; i < 4; ++i) {
      samples.push_back(make_sample("at-once-" + std::to_string(10 * round + i), 100));
      samples.back().info.url = url;
      samples.back().sign(upstream_key);
      offer(a, samples.back());
    }
    std::vector<std::future<std::string>> urls;
    for (auto& sample : samples)
      urls.push_back(std::async(std::launch::async, [&] { return found(sample).url; }));
    std::set<std::string> different;
    for (auto& one : urls) different.insert(one.get());
    EXPECT_EQ(different.size(), samples.size()) << "round " << round;
  }
}

TEST_F(NarInfoUrls, ANarWithoutCompressionIsAnnouncedAndServedAsZstdAlsoAfterALostDatabase) {
  auto& a = add_upstream("a");
  auto sample = plain_sample("plain");
  sample.sign(upstream_key);
  offer(a, sample);
  a.nar(sample.info.url, {.bytes = sample.nar});
  auto text = find(sample).value().value().text;
  auto info = nix::parse_nar_info(text).value();
  auto url = nix::NarUrl::parse(info.url).value();
  EXPECT_EQ(url, nix::NarUrl::for_nar_hash(sample.info.nar_hash, nix::Compression::zstd));
  EXPECT_EQ(info.compression, nix::Compression::zstd);
  EXPECT_FALSE(info.file_hash || info.file_size);
  EXPECT_TRUE(unzstd(run(get(url)).value().bytes) == sample.nar);
  EXPECT_EQ(find(sample).value().value().text, text);  // from the row
  faults.fail_always("find_narinfo");
  EXPECT_EQ(find(sample).value().value().text, text);  // from the store
  restart();
  ASSERT_TRUE(run(store.remove(nar_key(url))));
  EXPECT_EQ(find(sample).value().value().text, text);
  EXPECT_TRUE(unzstd(run(get(url)).value().bytes) == sample.nar);  // fetched again
}

TEST_F(NarInfoUrls, ANarWithoutCompressionThatIsAtRestUnderItsOwnUrlStaysThere) {
  for (bool at_rest : {true, false}) {
    auto sample = make_sample(at_rest ? "adopted" : "gone", 2'000, nix::Compression::none);
    sample.sign(upstream_key);
    ASSERT_TRUE(
        run(store.put_text(narinfo_key(sample.hash()), sample.text(), storage::IfExists::replace)));
    if (at_rest) {
      ASSERT_TRUE(
          run(store.put_text(nar_key(sample.url()), sample.file, storage::IfExists::replace)));
    }
    for (int i = 0; i < 2; ++i) {  // from the store, then from the row
      auto info = found(sample);
      EXPECT_EQ(info.url == sample.info.url, at_rest);
      EXPECT_EQ(info.compression, at_rest ? nix::Compression::none : nix::Compression::zstd);
      EXPECT_EQ(info.file_hash, at_rest ? sample.info.file_hash : std::nullopt);
    }
    if (at_rest) EXPECT_TRUE(run(get(sample.url())).value().bytes == sample.file);
  }
}

TEST_F(NarInfoUrls, WhetherItIsAtRestMustBeKnownBeforeItIsAnnounced) {
  auto sample = make_sample("adopted", 2'000, nix::Compression::none);
  sample.sign(upstream_key);
  ASSERT_TRUE(
      run(store.put_text(narinfo_key(sample.hash()), sample.text(), storage::IfExists::replace)));
  faults.fail_always("open");
  EXPECT_EQ(failure_of(find(sample)), ErrorKind::unavailable);
}

TEST_F(NarInfoUrls, AnAnnouncedUrlOfANarWithoutCompressionStaysWhatItWas) {
  auto& a = add_upstream("a");
  auto sample = make_sample("as-it-was", 2'000, nix::Compression::none);
  sample.sign(upstream_key);
  auto row = sample.row("a");  // announced as nar/x.nar before we began to compress
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "a", .nar_url = row.url}, row)));
  a.nar(sample.info.url, {.bytes = sample.file});
  EXPECT_EQ(found(sample).url, sample.info.url);
  EXPECT_EQ(found(sample).compression, nix::Compression::none);
  EXPECT_TRUE(run(get(row.url)).value().bytes == sample.file);
}

TEST_F(NarInfoUrls, OneNarFromTwoCachesInTwoFormsGetsTwoUrlsWhicheverComesFirst) {
  for (bool plain_first : {true, false}) {
    SCOPED_TRACE(plain_first);
    upstreams.replace({});
    auto& a = add_upstream("a");
    auto plain = plain_sample(plain_first ? "first" : "second");
    auto packed = plain;  // another store path of the same contents, as zstd, named by its NarHash
    packed.info.store_path = make_sample(plain_first ? "other" : "another", 1).info.store_path;
    packed.info.compression = nix::Compression::zstd;
    packed.info.url = "nar/" + plain.info.nar_hash.nix32() + ".nar.zst";
    packed.file = codec::compress(nix::Compression::zstd, plain.nar);
    packed.info.file_hash = nix::Hash(crypto::sha256(packed.file));
    packed.info.file_size = packed.file.size();
    for (auto* sample : {&plain, &packed}) {
      sample->sign(upstream_key);
      offer(a, *sample);
      a.nar(sample->info.url, {.bytes = sample->file});
    }
    auto first = found(plain_first ? plain : packed), second = found(plain_first ? packed : plain);
    EXPECT_NE(first.url, second.url);
    for (const auto& info : {first, second}) {
      auto got = run(get(nix::NarUrl::parse(info.url).value())).value();
      EXPECT_FALSE(got.error);
      if (info.file_size) EXPECT_EQ(got.bytes.size(), *info.file_size);
      EXPECT_TRUE((info.compression == nix::Compression::zstd ? unzstd(got.bytes) : got.bytes) ==
                  plain.nar);
    }
    EXPECT_EQ(found(plain_first ? plain : packed).url, first.url);  // for ever
    EXPECT_EQ(found(plain_first ? packed : plain).url, second.url);
  }
}

TEST_F(NarInfoUrls, TwoStorePathsOfOneNarShareItsFile) {
  auto& a = add_upstream("a");
  auto one = plain_sample("one"), two = one;
  two.info.store_path = make_sample("two", 1).info.store_path;
  two.info.url = "nar/elsewhere.nar";
  for (auto* sample : {&one, &two}) {
    sample->sign(upstream_key);
    offer(a, *sample);
    a.nar(sample->info.url, {.bytes = sample->file});
  }
  EXPECT_EQ(found(one).url, found(two).url);
  ASSERT_TRUE(run(get(nix::NarUrl::parse(found(one).url).value())));
  settle();
  EXPECT_EQ(a.asked_for(one.info.url) + a.asked_for(two.info.url), 1u);
  EXPECT_EQ(files_in("store/nar"), 1u);
}

TEST_F(NarInfoUrls, EvictedNarsAreFetchedAgainUnderTheUrlThatWasHandedOut) {
  auto& a = add_upstream("a");
  auto sample = signed_sample("hello-1.0");
  offer(a, sample);
  a.nar(sample.info.url, {.bytes = sample.file});
  auto url = nix::NarUrl::parse(found(sample).url).value();
  for (int i = 1; i <= 2; ++i) {
    EXPECT_TRUE(run(get(url)).value().bytes == sample.file);
    restart();
    EXPECT_EQ(a.asked_for(sample.info.url), static_cast<std::size_t>(i));
    ASSERT_TRUE(run(store.remove(nar_key(url))));
  }
}

}  // namespace
}  // namespace ncps::cache
