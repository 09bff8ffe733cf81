#include "nix/object_path.h"

#include <gtest/gtest.h>

#include <set>

namespace ncps::nix {
namespace {

const std::string kHash = "26xbg1ndr7hbcncrlf9nhx5is2b25d13";
const std::string kDrv = kHash + "-hello-2.12.drv";
const std::string kSha = std::string(60, 'a') + "0f91";
const std::string kBuildId = std::string(36, 'b') + "0f91";

struct Row {
  std::string path;
  ObjectKind kind;
  std::string id, output;
};

TEST(ObjectPath, KnowsEveryFormAndNothingElseOfIt) {
  const std::string longest(211 - 4, 'n');
  for (const auto& row : {
           Row{kHash + ".ls", ObjectKind::listing, kHash, ""},
           Row{"log/" + kDrv, ObjectKind::log, kDrv, ""},
           Row{"log/" + kHash + "-gtk+3_x.y-1?b=2.drv", ObjectKind::log,
               kHash + "-gtk+3_x.y-1?b=2.drv", ""},
           Row{"log/" + kHash + "-" + longest + ".drv", ObjectKind::log,
               kHash + "-" + longest + ".drv", ""},
           Row{"realisations/sha256:" + kSha + "!out.doi", ObjectKind::realisation, kSha, "out"},
           Row{"realisations/sha256:" + kSha + "!a+b.doi.doi", ObjectKind::realisation, kSha,
               "a+b.doi"},
           Row{"build-trace-v2/" + kDrv + "/out.doi", ObjectKind::build_trace, kDrv, "out"},
           Row{"debuginfo/" + kBuildId, ObjectKind::debug_info, kBuildId, ""},
           Row{"debuginfo/" + kBuildId + ".debug", ObjectKind::debug_info, kBuildId + ".debug", ""},
       }) {
    auto parsed = ObjectPath::parse(row.path);
    ASSERT_TRUE(parsed) << row.path;
    EXPECT_EQ(parsed->str(), row.path);
    EXPECT_EQ(parsed->kind(), row.kind) << row.path;
    EXPECT_EQ(parsed->id(), row.id);
    EXPECT_EQ(parsed->output(), row.output);
  }
}

TEST(ObjectPath, RefusesEverythingElse) {
  for (const auto& path : {
           std::string(),
           std::string("log/"),
           std::string("nix-cache-info"),
           kHash,
           kHash + ".ls/",
           "/" + kHash + ".ls",
           "x/" + kHash + ".ls",
           kHash + ".ls.ls",
           kHash.substr(1) + ".ls",
           std::string(32, 'e') + ".ls",
           std::string(32, 'A') + ".ls",
           "log/" + kHash,
           "log/" + kHash + "-hello",
           "log/" + kHash + ".drv",
           "log/" + kHash + "-",
           "log/" + kHash + "-.-x.drv",
           "log/" + kHash + "-a/b.drv",
           "log/" + kHash + "-a%2fb.drv",
           "log/" + kHash + "-a b.drv",
           "log/" + kHash + "-a\n.drv",
           "log/" + kHash + "-\xc3\xa9.drv",
           "log/" + kDrv + "/",
           "log/../" + kDrv,
           "log//" + kDrv,
           "log/x/" + kDrv,
           "LOG/" + kDrv,
           std::string("log/http://169.254.169.254/x.drv"),
           "log/" + kHash + "-" + std::string(208, 'n') + ".drv",
           "realisations/" + kSha + "!out.doi",
           "realisations/sha512:" + kSha + "!out.doi",
           "realisations/sha256:" + kSha.substr(1) + "!out.doi",
           "realisations/sha256:" + kSha + "0!out.doi",
           "realisations/sha256:" + std::string(64, 'A') + "!out.doi",
           "realisations/sha256:" + std::string(64, 'g') + "!out.doi",
           "realisations/sha256:" + kSha + "!.doi",
           "realisations/sha256:" + kSha + "!..doi",
           "realisations/sha256:" + kSha + "!...doi",
           "realisations/sha256:" + kSha + "!a!b.doi",
           "realisations/sha256:" + kSha + "!a/b.doi",
           "realisations/sha256:" + kSha + "!out",
           "realisations/sha256:" + kSha + ".doi",
           "realisations/sha256:" + kSha + "!" + std::string(212, 'o') + ".doi",
           "build-trace-v2/" + kDrv + ".doi",
           "build-trace-v2/" + kDrv + "/out",
           "build-trace-v2/" + kDrv + "/.doi",
           "build-trace-v2/" + kDrv + "/x/out.doi",
           "build-trace-v2/" + kDrv + "/...doi",
           "build-trace-v2/" + kHash + "-hello/out.doi",
           "build-trace-v1/" + kDrv + "/out.doi",
           "debuginfo/" + kBuildId.substr(1),
           "debuginfo/" + kBuildId + "0",
           "debuginfo/" + kBuildId + ".debug.debug",
           "debuginfo/" + kBuildId + ".dwp",
           "debuginfo/" + kBuildId + "/",
           "debuginfo/" + std::string(40, 'B'),
           "debuginfo/../" + kHash + ".narinfo",
       }) {
    auto parsed = ObjectPath::parse(path);
    ASSERT_FALSE(parsed) << path;
    EXPECT_EQ(parsed.error().kind(), ErrorKind::invalid) << path;
  }
  EXPECT_FALSE(
      ObjectPath::parse(std::string_view("log/26xbg1ndr7hbcncrlf9nhx5is2b25d13-x\0.drv", 42)));
}

TEST(ObjectPath, IsAskedForPercentEncodedAndDecodesToItself) {
  auto url = [](const std::string& path) { return ObjectPath::parse(path).value().url(); };
  EXPECT_EQ(url(kHash + ".ls"), kHash + ".ls");
  EXPECT_EQ(url("log/" + kHash + "-gtk+3_x.y-1?b=2.drv"),
            "log/" + kHash + "-gtk%2B3_x.y-1%3Fb%3D2.drv");
  EXPECT_EQ(url("realisations/sha256:" + kSha + "!out.doi"),
            "realisations/sha256:" + kSha + "%21out.doi");
  EXPECT_EQ(url("build-trace-v2/" + kDrv + "/a+b.doi"), "build-trace-v2/" + kDrv + "/a%2Bb.doi");
}

TEST(ObjectPath, BothNamesOfADebugLinkAreTwoObjects) {
  std::set<ObjectPath> all{ObjectPath::parse("debuginfo/" + kBuildId).value(),
                           ObjectPath::parse("debuginfo/" + kBuildId + ".debug").value(),
                           ObjectPath::parse("debuginfo/" + kBuildId).value()};
  EXPECT_EQ(all.size(), 2u);
}

}  // namespace
}  // namespace ncps::nix
