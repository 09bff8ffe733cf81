#include "cache/fsck_look.h"

#include <gtest/gtest.h>

#include "cache/testing/sample.h"

namespace ncps::cache {
namespace {

const db::Time kNow = std::chrono::sys_days(std::chrono::January / 1 / 2030);

db::NarEntry row(std::optional<std::uint64_t> stored,
                 std::optional<std::uint64_t> file_size = 100) {
  auto row = make_sample("x", 100).row("");
  row.stored_size = stored;
  row.file_size = file_size;
  return {.row = std::move(row), .verified = {}};
}

TEST(FsckLook, ANarAndItsRowAgreeOrNot) {
  auto grace_from = kNow - std::chrono::hours(1);
  struct Case {
    const char* what;
    std::optional<std::uint64_t> lies;
    std::optional<db::NarEntry> row;
    std::optional<Flaw> flaw;
    db::Time published = kNow - std::chrono::hours(2);
  };
  std::vector<Case> cases = {
      {"nothing at all", {}, {}, {}},
      {"evicted: the way to fetch it again", {}, row({}), {}},
      {"noted, but gone", {}, row(100), Flaw::nar_absent},
      {"noted as it is", 100, row(100), {}},
      {"of another file of the same NAR", 100, row(100, 99), {}},
      {"not noted", 100, row({}), Flaw::nar_not_noted},
      {"not noted, and cut short", 10, row({}), Flaw::nar_not_noted},
      {"of another size", 101, row(100), Flaw::nar_of_other_size},
      {"empty", 0, row(0), Flaw::nar_of_other_size},
      {"without row", 100, {}, Flaw::nar_without_row},
      {"without row, but it may be an upload", 100, {}, {}, kNow},
      {"row of a fresh one", 100, row({}), Flaw::nar_not_noted, kNow},
  };
  for (const auto& c : cases) {
    std::optional<Lying> lying;
    if (c.lies) lying = Lying{.size = *c.lies, .published = c.published};
    EXPECT_EQ(look_at_nar(lying, c.row ? &*c.row : nullptr, grace_from), c.flaw) << c.what;
  }
}

TEST(FsckLook, BytesMustTellWhereTheSizeIsNotTheAnnouncedOne) {
  Lying hundred{.size = 100, .published = {}}, none{.size = 0, .published = {}};
  EXPECT_FALSE(bytes_must_tell(Flaw::nar_not_noted, hundred, row({}, 100)));
  EXPECT_FALSE(bytes_must_tell(Flaw::nar_not_noted, hundred, row({}, {})));
  EXPECT_TRUE(bytes_must_tell(Flaw::nar_not_noted, hundred, row({}, 99)));
  EXPECT_TRUE(bytes_must_tell(Flaw::nar_not_noted, none, row({}, {})));
  EXPECT_TRUE(bytes_must_tell(Flaw::nar_of_other_size, hundred, row(99, 100)));
}

TEST(FsckLook, ANarinfoAndItsRowAgreeOrNot) {
  db::NarInfoEntry leads{.hash = "x", .nar_url = make_sample("x").url(), .has_text = false};
  db::NarInfoEntry nowhere{.hash = "x", .nar_url = {}, .has_text = true};
  EXPECT_EQ(look_at_narinfo(true, &leads), std::nullopt);
  EXPECT_EQ(look_at_narinfo(false, nullptr), std::nullopt);
  EXPECT_EQ(look_at_narinfo(false, &leads), Flaw::narinfo_without_file);
  EXPECT_EQ(look_at_narinfo(true, nullptr), Flaw::narinfo_without_row);
  EXPECT_EQ(look_at_narinfo(true, &nowhere), Flaw::narinfo_without_row);
}

TEST(FsckLook, ThePlaceInAListGrowsWithTheName) {
  EXPECT_EQ(part_before("00x"), 0);
  EXPECT_EQ(part_before("h"), 0.5);
  EXPECT_LT(part_before("zy"), part_before("zz"));
  EXPECT_LT(part_before("zz"), 1);
  EXPECT_EQ(part_before(""), 0);
}

TEST(Pace, NeverFasterThanItsRateAndSavesNothingUp) {
  using namespace std::chrono_literals;
  auto start = std::chrono::steady_clock::time_point() + 1h;
  Pace pace(1'000);
  EXPECT_EQ(pace.pause_after(500, start), 500ms);
  EXPECT_EQ(pace.pause_after(500, start + 500ms), 500ms);
  EXPECT_EQ(pace.pause_after(500, start + 700ms), 800ms);  // came early
  EXPECT_EQ(pace.pause_after(500, start + 1h), 500ms);     // an hour of rest buys nothing
  EXPECT_EQ(Pace().pause_after(1 << 30, start), 0ms);
}

}  // namespace
}  // namespace ncps::cache
