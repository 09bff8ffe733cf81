#include "cache/nar_places.h"

#include <gtest/gtest.h>

#include "cache/nar_info_rendering.h"
#include "cache/testing/plain_sample.h"

namespace ncps::cache {
namespace {

using How = NarPlace::How;

std::string print(const NarPlace& place) {
  auto how = place.how == How::as_it_is  ? "as it is"
             : place.how == How::renamed ? "renamed"
                                         : "redescribed";
  return place.url.str() + " " + std::string(nix::to_string(place.info.compression)) + " " + how;
}

std::vector<std::string> places(const nix::NarInfo& info,
                                const std::vector<db::GoNarFile>& files = {}) {
  std::vector<std::string> all;
  for (const auto& place : nar_places(info, files)) all.push_back(print(place));
  return all;
}

using List = std::vector<std::string>;

TEST(NarPlaces, OfACompressedNarTheOwnUrlIsTheFirst) {
  auto sample = make_sample("xz");
  auto stem = sample.info.file_hash->nix32();
  EXPECT_EQ(places(sample.info), (List{"nar/" + stem + ".nar.xz xz as it is",
                                       "nar/" + stem + ".nar.zst zstd redescribed"}));
}

TEST(NarPlaces, OfOneWithoutCompressionItIsTheFileThenTheNameThatWeWouldGiveIt) {
  auto sample = plain_sample("plain");
  auto hash = sample.info.nar_hash.nix32();
  sample.info.url = "nar/" + hash + ".nar";
  EXPECT_EQ(places(sample.info),
            (List{"nar/" + hash + ".nar none as it is", "nar/" + hash + ".nar.zst none as it is"}));
  sample.info.url = "nar/other.nar";
  EXPECT_EQ(places(sample.info),
            (List{"nar/other.nar none as it is", "nar/" + hash + ".nar.zst none as it is",
                  "nar/other.nar.zst zstd redescribed"}));
}

TEST(NarPlaces, AStorePathBeforeTheHashOrAQueryMayBeMissingInTheFilesName) {
  auto sample = plain_sample("prefixed");
  auto hash = sample.info.nar_hash.nix32();
  auto path = std::string(sample.hash().str());
  sample.info.url = "nar/" + path + "-" + hash + ".nar?x=1";
  EXPECT_EQ(places(sample.info),
            (List{"nar/" + path + "-" + hash + ".nar none renamed",
                  "nar/" + hash + ".nar.zst none as it is", "nar/" + hash + ".nar none renamed",
                  "nar/" + path + "-" + hash + ".nar.zst zstd redescribed"}));
}

TEST(NarPlaces, FilesThatTheDatabaseNamesAreLookedForInTheirCompression) {
  auto sample = make_sample("zstd", 1000, nix::Compression::zstd);
  auto stem = sample.info.file_hash->nix32();
  EXPECT_EQ(places(sample.info, {{.hash = "abc", .compression = "xz", .in_chunks = false},
                                 {.hash = "chunked", .compression = "xz", .in_chunks = true},
                                 {.hash = "plain", .compression = "none", .in_chunks = false}}),
            (List{"nar/" + stem + ".nar.zst zstd as it is", "nar/abc.nar.zst zstd renamed",
                  "nar/plain.nar.zst zstd renamed", "nar/abc.nar.xz xz redescribed"}));
}

TEST(NarPlaces, AnOpaqueUrlLeadsToTheFilesOfTheDatabase) {
  auto sample = make_sample("opaque");
  sample.info.url = "https://elsewhere.example/123";
  EXPECT_EQ(places(sample.info), List());
  EXPECT_EQ(places(sample.info, {{.hash = "abc", .compression = "xz", .in_chunks = false}}),
            (List{"nar/abc.nar.xz xz renamed", "nar/abc.nar.zst zstd redescribed"}));
}

TEST(NarPlaces, ARedescribedNarInfoSaysNothingOfAnotherFile) {
  auto sample = make_sample("sizes");
  auto place = nar_places(sample.info, {}).at(1);
  EXPECT_EQ(place.info.url, place.url.str());
  EXPECT_FALSE(place.info.file_hash);
  EXPECT_FALSE(place.info.file_size);
  EXPECT_EQ(nix::fingerprint(place.info), nix::fingerprint(sample.info));
}

TEST(NarPlaces, NamesThatCannotBeFilesAreNone) {
  auto sample = make_sample("odd");
  sample.info.url = "nar/../../etc/passwd";
  EXPECT_EQ(places(sample.info, {{.hash = "../x", .compression = "xz", .in_chunks = false},
                                 {.hash = "", .compression = "nonsense", .in_chunks = false}}),
            List());
}

}  // namespace
}  // namespace ncps::cache
