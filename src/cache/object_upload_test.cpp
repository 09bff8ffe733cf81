#include "cache/object_upload.h"

#include "cache/object_fetcher.h"
#include "cache/testing/upload_fixture.h"

namespace ncps::cache {
namespace {

struct ObjectUpload : UploadFixture {
  std::string put(const std::string& path, const std::string& text,
                  nix::Compression encoding = nix::Compression::none) {
    TextBody body(text, 1'000);
    auto parsed = nix::ObjectPath::parse(path).value();
    return said(run(object_uploads.put(parsed, body, encoding)));
  }
  std::string text_of(const std::string& path) {
    auto key = object_key(nix::ObjectPath::parse(path).value());
    return run(store.find_text(key)).value().value_or("absent");
  }
  const std::string kHash = std::string(make_sample("one").hash().str());
  const std::string kLog = "log/" + kHash + "-x.drv", kListing = kHash + ".ls",
                    kTrace = "realisations/sha256:" + std::string(64, '0') + "!out.doi";
};

TEST_F(ObjectUpload, IsKeptAsItWasSentAndTheLastOneStays) {
  for (const auto& path : {kListing, kTrace}) {
    EXPECT_EQ(put(path, "{\"a\": [1]}"), "kept");
    EXPECT_EQ(put(path, "{\"b\": [2]}"), "kept");
    EXPECT_EQ(text_of(path), "{\"b\": [2]}");
  }
  EXPECT_EQ(put(kLog, "anything\n"), "kept");
  EXPECT_EQ(put(kLog, ""), "kept");
  EXPECT_EQ(text_of(kLog), "");
}

TEST_F(ObjectUpload, EncodedItIsKeptDecoded) {
  for (auto encoding : {nix::Compression::gzip, nix::Compression::xz, nix::Compression::zstd,
                        nix::Compression::br, nix::Compression::bzip2}) {
    std::string text = "built with " + std::string(nix::to_string(encoding));
    EXPECT_EQ(put(kLog, codec::compress(encoding, text), encoding), "kept");
    EXPECT_EQ(text_of(kLog), text);
  }
  EXPECT_EQ(put(kLog, "not encoded", nix::Compression::xz), "unfit");
}

TEST_F(ObjectUpload, WhatIsNoDocumentOrTooLargeIsRefused) {
  for (std::string text : {"", "<html>", "{", "[]", "{}x"}) EXPECT_EQ(put(kListing, text), "unfit");
  std::string large(max_object_bytes(nix::ObjectKind::realisation), ' ');
  EXPECT_EQ(put(kTrace, "{" + large + "}"), "too large");
  EXPECT_EQ(
      put(kTrace, codec::compress(nix::Compression::xz, "{" + large + "}"), nix::Compression::xz),
      "too large");
  EXPECT_EQ(text_of(kListing), "absent");
  EXPECT_EQ(text_of(kTrace), "absent");
  EXPECT_TRUE(nothing_temporary());
}

TEST_F(ObjectUpload, OnAFullDiskThereIsNoRoom) {
  faults.fail_always("append");
  EXPECT_EQ(put(kLog, "x"), "no room");
}

}  // namespace
}  // namespace ncps::cache
