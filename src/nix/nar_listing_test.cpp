#include "nix/nar_listing.h"

#include <gtest/gtest.h>

#include "nix/testing/nar_of.h"

namespace ncps::nix {
namespace {

Result<std::string> listing_of(std::string_view nar, std::size_t piece,
                               NarListingLimits limits = {}) {
  NarListing listing(limits);
  for (auto rest = nar; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
    TRY(listing.feed(rest.substr(0, piece)));
  return listing.finish();
}

std::string tree() {
  return nar_of_node(directory_node({
      {"Zed", file_node("HI")},
      {"link", symlink_node("../a \"target\"\n")},
      {"none", file_node("")},
      {"run", file_node("#!/bin/sh\n", Executable::yes)},
      {"sub", directory_node({{"after", file_node("12345678")}})},
      {"void", directory_node({})},
      {"z\x01\x1f\x7f\\", file_node("X1")},
      {"z\xc3\xa9", file_node("Y2")},
      {"z\xff", file_node("Z3")},
  }));
}

// Where the text stands in the NAR, that is where its file's contents begin.
std::string at(const std::string& nar, std::string_view contents) {
  return std::to_string(nar.find(contents));
}

TEST(NarListing, IsTheTextThatNixWrites) {
  auto nar = tree();
  auto empty = std::to_string(nar.find("contents", nar.find("none")) + 16);
  auto expected =
      R"({"root":{"entries":{"Zed":{"narOffset":)" + at(nar, "HI") +
      R"(,"size":2,"type":"regular"},"link":{"target":"../a \"target\"\n","type":"symlink"},)" +
      R"("none":{"narOffset":)" + empty + R"(,"size":0,"type":"regular"},)" +
      R"("run":{"executable":true,"narOffset":)" + at(nar, "#!/bin/sh") +
      R"(,"size":10,"type":"regular"},"sub":{"entries":{"after":{"narOffset":)" +
      at(nar, "12345678") +
      R"(,"size":8,"type":"regular"}},"type":"directory"},"void":{"entries":{},"type":"directory"},)" +
      R"("z\u0001\u001f)" + "\x7f" + R"(\\":{"narOffset":)" + at(nar, "X1") +
      R"(,"size":2,"type":"regular"},"z)" + "\xc3\xa9" + R"(":{"narOffset":)" + at(nar, "Y2") +
      R"(,"size":2,"type":"regular"},"z)" + "\xff" + R"(":{"narOffset":)" + at(nar, "Z3") +
      R"(,"size":2,"type":"regular"}},"type":"directory"},"version":1})";
  for (std::size_t piece : {1, 7, 8, 64, 100'000})
    EXPECT_EQ(listing_of(nar, piece).value(), expected);
}

TEST(NarListing, OfAFileOrALinkAlone) {
  EXPECT_EQ(listing_of(nar_of("hello"), 3).value(),
            R"({"root":{"narOffset":96,"size":5,"type":"regular"},"version":1})");
  EXPECT_EQ(listing_of(nar_of_node(symlink_node("/x")), 3).value(),
            R"({"root":{"target":"/x","type":"symlink"},"version":1})");
  EXPECT_EQ(listing_of(nar_of_node(directory_node({})), 3).value(),
            R"({"root":{"entries":{},"type":"directory"},"version":1})");
}

TEST(NarListing, WhatJsonHasLettersForIsWrittenWithThem) {
  EXPECT_EQ(listing_of(nar_of_node(symlink_node("\b\f\n\r\t\"\\/")), 3).value(),
            R"({"root":{"target":"\b\f\n\r\t\"\\/","type":"symlink"},"version":1})");
}

TEST(NarListing, AFileAfterAnExecutableOneIsNotExecutable) {
  auto nar =
      nar_of_node(directory_node({{"a", file_node("1", Executable::yes)}, {"b", file_node("2")}}));
  auto text = listing_of(nar, 50).value();
  EXPECT_EQ(text.find("executable"), text.rfind("executable"));
}

TEST(NarListing, ThereIsNoneOfWhatIsNoWholeNar) {
  auto nar = tree();
  for (std::size_t n = 0; n < nar.size(); ++n) {
    auto cut = listing_of(std::string_view(nar).substr(0, n), 512);
    ASSERT_FALSE(cut) << n;
    EXPECT_EQ(cut.error().kind(), ErrorKind::corrupt);
  }
  EXPECT_EQ(listing_of(nar + "x", 1).error().kind(), ErrorKind::corrupt);
  EXPECT_EQ(listing_of("no NAR at all, but long enough", 8).error().kind(), ErrorKind::corrupt);
}

TEST(NarListing, IsBounded) {
  auto nar = tree();  // 10 entries
  auto text = listing_of(nar, 64).value();
  EXPECT_TRUE(listing_of(nar, 64, {.entries = 10}));
  EXPECT_EQ(listing_of(nar, 64, {.entries = 9}).error().kind(), ErrorKind::invalid);
  EXPECT_TRUE(listing_of(nar, 64, {.bytes = text.size()}));
  EXPECT_EQ(listing_of(nar, 64, {.bytes = text.size() / 2}).error().kind(), ErrorKind::invalid);
  auto link = nar_of_node(symlink_node(std::string(4'000, 't')));
  EXPECT_EQ(listing_of(link, 64, {.bytes = 3'000}).error().kind(), ErrorKind::invalid);
}

}  // namespace
}  // namespace ncps::nix
