#include "nix/nar_url.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::nix {
namespace {

constexpr const char* kFileHash = "0fi9086lgpm7risfq179888clp99qdx4akvdmnlhz5gkf6q2ygy7";
constexpr const char* kNarHash = "0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa";
constexpr const char* kStoreHash = "xfp2hphvk98rkk9ywlqpp587rjdcgnc2";

struct Form {
  std::string url;
  std::string file_name;
  std::string stem;
  std::string query;
  Compression likely;
  std::string hash;  // nix32, or empty if the name has none
};

TEST(NarUrl, TakesEveryFormInTheFieldApart) {
  const std::string file = kFileHash;
  const std::string nar = kNarHash;
  const std::string store = kStoreHash;
  const Form forms[] = {
      {"nar/" + file + ".nar.xz", file + ".nar.xz", file, "", Compression::xz, file},
      {"nar/" + file + ".nar", file + ".nar", file, "", Compression::none, file},
      {"nar/" + store + '-' + nar + ".nar", store + '-' + nar + ".nar", store + '-' + nar, "",
       Compression::none, nar},
      {"nar/" + nar + ".nar?hash=" + store, nar + ".nar", nar, "hash=" + store, Compression::none,
       nar},
      {"nar/" + store + ".nar", store + ".nar", store, "", Compression::none, ""},
      {"nar/a_B-9.nar.zst?x=%2F&y=a.b~", "a_B-9.nar.zst", "a_B-9", "x=%2F&y=a.b~",
       Compression::zstd, ""},
  };
  for (const auto& form : forms) {
    auto url = NarUrl::parse(form.url);
    ASSERT_TRUE(url) << form.url;
    EXPECT_EQ(url->str(), form.url);
    EXPECT_EQ(url->file_name(), form.file_name);
    EXPECT_EQ(url->stem(), form.stem);
    EXPECT_EQ(url->query(), form.query);
    EXPECT_EQ(url->likely_compression(), form.likely);
    auto hash = url->hash_in_name();
    EXPECT_EQ(hash ? hash->nix32() : "", form.hash);
  }
}

TEST(NarUrl, ExtensionsSuggestTheirCompression) {
  const std::pair<const char*, Compression> rows[] = {
      {"nar/x.nar.xz", Compression::xz},     {"nar/x.nar.zst", Compression::zstd},
      {"nar/x.nar.bz2", Compression::bzip2}, {"nar/x.nar.br", Compression::br},
      {"nar/x.nar.lz4", Compression::lz4},   {"nar/x.nar.lzip", Compression::lzip},
      {"nar/x.nar.gz", Compression::gzip},   {"nar/x.nar.lzma", Compression::lzma},
      {"nar/x.nar.none", Compression::none}, {"nar/x.nar", Compression::none},
  };
  for (const auto& [url, likely] : rows) {
    EXPECT_EQ(NarUrl::parse(url).value().likely_compression(), likely) << url;
  }
}

TEST(NarUrl, RefusesWhatCouldLeaveItsDirectoryOrChangeOnTheWay) {
  const std::string bad[] = {
      "",
      "nar",
      "nar/",
      "/nar/x.nar",
      "nar//x.nar",
      "nar/../x.nar",
      "nar/..",
      "nar/...nar",
      "nar/.nar",
      "nar/.nar.xz",
      "nar/../../etc/passwd",
      "nar/a/b.nar",
      "nar/a\\b.nar",
      "nar/a%2fb.nar",
      "nar/%2e%2e.nar",
      "nar/x.nar/",
      "nar/x.nar.",
      "nar/x.nar.xz.xz",
      "nar/x.nar.exe",
      "nar/x.NAR",
      "nar/x.narxz",
      "nar/x",
      "nar/x.y.nar",
      "nar/a b.nar",
      "nar/a+b.nar",
      "nar/x.nar\n",
      std::string("nar/x\0.nar", 10),
      "nar/x.nar?",
      "nar/x.nar?a/b",
      "nar/x.nar?a?b",
      "nar/x.nar?a b",
      "nar/x.nar?a#b",
      "nar/x.nar#b",
      "nar/x.nar?a\r\nSet-Cookie",
      "http://cache.example/nar/x.nar",
      "Nar/x.nar",
      "nar/" + std::string(129, 'x') + ".nar",
      "nar/x.nar?" + std::string(513, 'x'),
  };
  for (const auto& text : bad) {
    auto url = NarUrl::parse(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().kind(), ErrorKind::invalid);
  }
  EXPECT_TRUE(NarUrl::parse("nar/" + std::string(128, 'x') + ".nar?" + std::string(512, 'x')));
}

TEST(NarUrl, MadeFromAHashIsOneOfOurs) {
  auto hash = Hash::parse_bare(kNarHash).value();
  for (auto compression : {Compression::none, Compression::xz, Compression::gzip, Compression::lzip,
                           Compression::lz4, Compression::br}) {
    auto url = NarUrl::for_nar_hash(hash, compression);
    EXPECT_EQ(url.str(),
              "nar/" + std::string(kNarHash) + ".nar" + std::string(extension(compression)));
    EXPECT_EQ(NarUrl::parse(url.str()).value(), url);
    EXPECT_EQ(url.hash_in_name(), hash);

    auto path = StorePathHash::parse("26xbg1ndr7hbcncrlf9nhx5is2b25d13").value();
    auto of_path = NarUrl::for_store_path(path, hash, compression);
    EXPECT_EQ(of_path.str(), "nar/" + std::string(path.str()) + "-" + std::string(kNarHash) +
                                 ".nar" + std::string(extension(compression)));
    EXPECT_EQ(NarUrl::parse(of_path.str()).value(), of_path);
    EXPECT_EQ(of_path.hash_in_name(), hash);
    EXPECT_EQ(of_path.store_path_hash_in_name(), path);
  }
}

TEST(NarUrl, SaysWhichStorePathItsNameTells) {
  const std::string path = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";
  for (const auto& stem : {path, path + "-" + std::string(kNarHash), path + "-x"}) {
    auto found = NarUrl::parse("nar/" + stem + ".nar.zst?x=y").value().store_path_hash_in_name();
    ASSERT_TRUE(found) << stem;
    EXPECT_EQ(found->str(), path);
  }
  for (const auto& stem : {path + "0", path.substr(1), std::string(kNarHash), "x-" + path,
                           path + "_x", std::string("0b3f0d8e-4ed5-4c5e-9d6f-5a7d3e0c9f11")}) {
    EXPECT_FALSE(NarUrl::parse("nar/" + stem + ".nar").value().store_path_hash_in_name()) << stem;
  }
}

}  // namespace
}  // namespace ncps::nix
