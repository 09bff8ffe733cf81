#include "nix/store_path.h"

#include <gtest/gtest.h>

#include <string>
#include <unordered_set>

namespace ncps::nix {
namespace {

constexpr std::string_view kHash = "xfp2hphvk98rkk9ywlqpp587rjdcgnc2";

TEST(StorePathHash, IsExactly32Nix32Characters) {
  auto hash = StorePathHash::parse(kHash);
  ASSERT_TRUE(hash);
  EXPECT_EQ(hash->str(), kHash);
  EXPECT_EQ(std::unordered_set<StorePathHash>({*hash, *hash}).size(), 1U);
}

TEST(StorePathHash, RefusesEverythingElse) {
  const std::string good(kHash);
  const std::string bad[] = {
      "",
      good.substr(1),
      good + "0",
      good.substr(1) + "e",
      good.substr(1) + "o",
      good.substr(1) + "t",
      good.substr(1) + "u",
      good.substr(1) + "X",
      "../../../../../../etc/passwd0000",
      good.substr(1) + '\0',
      good.substr(1) + '\n',
      good.substr(2) + "\xc3\xa9",
  };
  for (const auto& text : bad) {
    auto hash = StorePathHash::parse(text);
    ASSERT_FALSE(hash) << text;
    EXPECT_EQ(hash.error().kind(), ErrorKind::invalid);
  }
}

TEST(StorePath, ReadsWhatNixMakes) {
  auto path = StorePath::parse("/nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->hash().str(), kHash);
  EXPECT_EQ(path->base_name(), "xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt");
  EXPECT_EQ(path->str(), "/nix/store/xfp2hphvk98rkk9ywlqpp587rjdcgnc2-hello.txt");
  EXPECT_EQ(StorePath::parse_base_name(path->base_name()).value(), *path);
}

struct NameCase {
  std::string name;
  bool good;
};

TEST(StorePath, NamesFollowTheRuleOfTheManual) {
  const NameCase cases[] = {
      {"a", true},
      {"refs+x_1.0?=", true},
      {".hidden", true},
      {"...", true},
      {"-", true},
      {".a-b", true},
      {std::string(211, 'x'), true},
      {std::string(212, 'x'), false},
      {"", false},
      {".", false},
      {"..", false},
      {".-", false},
      {".-x", false},
      {"..-x", false},
      {"a/b", false},
      {"../x", false},
      {"a b", false},
      {"a\n", false},
      {std::string("a\0b", 3), false},
      {"a%2f", false},
      {"\xc3\xa9", false},
      {"a*", false},
      {"a:b", false},
  };
  for (const auto& [name, good] : cases) {
    const auto base_name = std::string(kHash) + '-' + name;
    EXPECT_EQ(StorePath::parse_base_name(base_name).has_value(), good) << name;
    EXPECT_EQ(StorePath::parse("/nix/store/" + base_name).has_value(), good) << name;
  }
}

TEST(StorePath, LiesDirectlyInTheStore) {
  const auto base_name = std::string(kHash) + "-x";
  for (const char* prefix : {"", "/", "/nix/store", "/nix/store//", "/gnu/store/", "/nix/storage/",
                             "nix/store/", "/nix/store/../store/", " /nix/store/", "/nix/Store/"}) {
    EXPECT_FALSE(StorePath::parse(prefix + base_name)) << prefix;
  }
  EXPECT_FALSE(StorePath::parse("/nix/store/"));
  EXPECT_FALSE(StorePath::parse_base_name(kHash));
  EXPECT_FALSE(StorePath::parse_base_name(std::string(kHash) + "_x"));
}

}  // namespace
}  // namespace ncps::nix
