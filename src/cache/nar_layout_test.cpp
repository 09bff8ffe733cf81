#include "cache/nar_layout.h"

#include <gtest/gtest.h>

namespace ncps::cache {
namespace {

TEST(NarLayout, IsThatOfTheContract) {
  auto nar = [](std::string_view url) { return nar_key(nix::NarUrl::parse(url).value()).str(); };
  EXPECT_EQ(nar("nar/1abc.nar.xz"), "store/nar/1/1a/1abc.nar.xz");
  EXPECT_EQ(nar("nar/x.nar"), "store/nar/x/x./x.nar");
  EXPECT_EQ(nar("nar/-_.nar.zst?a=b"), "store/nar/-/-_/-_.nar.zst");
  auto hash = nix::StorePathHash::parse("26xbg1ndr7hbcncrlf9nhx5is2b25d13").value();
  EXPECT_EQ(narinfo_key(hash).str(), "store/narinfo/2/26/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo");
  EXPECT_EQ(signing_key_key().str(), "config/cache.key");
  EXPECT_EQ(previous_signing_key_key().str(), "config/cache.key.previous");
}

TEST(NarLayout, OfObjectsKeepsEveryNameAsItIs) {
  auto key = [](const std::string& path) {
    return object_key(nix::ObjectPath::parse(path).value()).str();
  };
  const std::string hash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";
  const std::string sha = std::string(63, 'a') + "b", id = std::string(39, '0') + "c";
  EXPECT_EQ(key(hash + ".ls"), "store/listing/2/26/" + hash + ".ls");
  EXPECT_EQ(key("log/" + hash + "-g++?v=1.drv"), "store/log/2/26/" + hash + "-g++?v=1.drv");
  EXPECT_EQ(key("realisations/sha256:" + sha + "!a+b.doi"),
            "store/realisations/a/aa/" + sha + "/a+b.doi");
  EXPECT_EQ(key("build-trace-v2/" + hash + "-x.drv/out.doi"),
            "store/build-trace-v2/2/26/" + hash + "-x.drv/out.doi");
  EXPECT_EQ(key("debuginfo/" + id), "store/debuginfo/0/00/" + id);
  EXPECT_EQ(key("debuginfo/" + id + ".debug"), "store/debuginfo/0/00/" + id + ".debug");
}

TEST(NarLayout, AnObjectIsKnownByItsKey) {
  const std::string hash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";
  const std::string sha = std::string(63, 'a') + "b", id = std::string(39, '0') + "c";
  for (const auto& path :
       {hash + ".ls", "log/" + hash + "-g++?v=1.drv", "realisations/sha256:" + sha + "!a+b.doi",
        "build-trace-v2/" + hash + "-x.drv/out.doi", "debuginfo/" + id,
        "debuginfo/" + id + ".debug"}) {
    auto object = nix::ObjectPath::parse(path).value();
    EXPECT_EQ(object_of(object_key(object)), object) << path;
  }
  for (const auto& other : std::vector<std::string>{
           "store/listing/2/27/" + hash + ".ls", "store/listing/2/26/" + hash,
           "store/narinfo/2/26/" + hash + ".narinfo", "store/log/2/26/" + hash + "-x",
           "store/log/" + hash + "-x.drv", "store/log/2/26/" + hash + "-x.drv/y",
           "config/cache.key", "store/realisations/a/aa/" + sha, "store/debuginfo/0/00/x"})
    EXPECT_FALSE(object_of(storage::BlobKey::parse(other).value())) << other;
}

TEST(NarLayout, TheLongestNamesOfObjectsAreNamesOfFiles) {
  constexpr std::size_t kNameMax = 255;  // limits.h, NAME_MAX
  const std::string hash(32, '0'), longest(211, '+');
  for (const auto& path :
       {"log/" + hash + "-" + longest.substr(4) + ".drv",
        "realisations/sha256:" + std::string(64, '0') + "!" + longest + ".doi",
        "build-trace-v2/" + hash + "-" + longest.substr(4) + ".drv/" + longest + ".doi"}) {
    auto rest = object_key(nix::ObjectPath::parse(path).value()).str();
    for (auto slash = rest.find('/'); slash != rest.npos; slash = rest.find('/')) {
      EXPECT_LE(slash, kNameMax);
      rest.erase(0, slash + 1);
    }
    EXPECT_LE(rest.size(), kNameMax);
  }
}

}  // namespace
}  // namespace ncps::cache
