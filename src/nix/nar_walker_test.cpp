#include "nix/nar_walker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "nix/hash.h"

namespace ncps::nix {
namespace {

std::string le64(std::uint64_t value) {
  std::string text;
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string str(std::string_view text) {
  std::string out = le64(text.size()) + std::string(text);
  out.resize((out.size() + 7) / 8 * 8, '\0');
  return out;
}

std::string strs(const std::vector<std::string>& tokens) {
  std::string out;
  for (const auto& token : tokens) out += str(token);
  return out;
}

std::string file(std::string_view contents) {
  return strs({"(", "type", "regular", "contents"}) + str(contents) + str(")");
}
std::string link(std::string_view target) {
  return strs({"(", "type", "symlink", "target"}) + str(target) + str(")");
}
std::string entry(std::string_view name, const std::string& node) {
  return strs({"entry", "(", "name"}) + str(name) + str("node") + node + str(")");
}
std::string directory(const std::string& entries) {
  return strs({"(", "type", "directory"}) + entries + str(")");
}
std::string nar(const std::string& node) {
  return str("nix-archive-1") + node;
}

std::string tree() {
  return nar(directory(
      entry("Zed", file("hi")) + entry("link", link("../target")) +
      entry("run",
            strs({"(", "type", "regular", "executable", "", "contents", "#!/bin/sh\n", ")"})) +
      entry("sub", directory(entry("eight", file("12345678")) + entry("empty", file("")))) +
      entry("void", directory(""))));
}

struct Answer {
  bool good;
  std::string error;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// Feeds `bytes` in pieces whose sizes `next_size` gives.
Answer walk(std::string_view bytes, const std::function<std::size_t()>& next_size) {
  NarWalker walker;
  for (auto rest = bytes; !rest.empty();) {
    const auto size = std::min(rest.size(), next_size());
    if (auto fed = walker.feed(rest.substr(0, size)); !fed) {
      EXPECT_EQ(fed.error().kind(), ErrorKind::corrupt);
      EXPECT_FALSE(walker.complete());
      EXPECT_EQ(walker.feed("more").error().what(), fed.error().what());
      EXPECT_EQ(walker.finish().error().what(), fed.error().what());
      return {false, fed.error().what()};
    }
    rest.remove_prefix(size);
  }
  auto finished = walker.finish();
  EXPECT_EQ(walker.complete(), finished.has_value());
  return {finished.has_value(), finished ? "" : finished.error().what()};
}

Answer walk(std::string_view bytes) {
  return walk(bytes, [&] { return bytes.size(); });
}

TEST(NarWalker, AgreesWithNixStoreDump) {
  // The hashes are those of `nix-store --dump` for the same trees.
  EXPECT_EQ(Hash(crypto::sha256(nar(file("hello")))).nix32(),
            "0sg9f58l1jj88w6pdrfdpj5x9b1zrwszk84j81zvby36q9whhhqa");
  EXPECT_EQ(Hash(crypto::sha256(tree())).nix32(),
            "0kckwhvnrnb5k6dp18zgi604zpsbac96gd3d827mj9h8ysajdlsw");
  EXPECT_EQ(walk(nar(file("hello"))), (Answer{true, ""}));
  EXPECT_EQ(walk(tree()), (Answer{true, ""}));
}

TEST(NarWalker, TakesEveryKindOfNode) {
  for (const auto& node :
       {file(""), file("12345678"), file(std::string(100'000, '\0')), link("x"),
        link(std::string(4095, 'x')), directory(""),
        directory(entry(std::string(255, 'n'), file("")) + entry(std::string(255, 'o'), file(""))),
        directory(entry("a", file("")) + entry("a b", file("")) + entry("a-", file("")) +
                  entry("a\xff", file("")))}) {
    EXPECT_TRUE(walk(nar(node)).good);
  }
}

struct Hostile {
  const char* why;
  std::string bytes;
};

std::vector<Hostile> hostile() {
  auto padded = nar(file("hello"));
  padded[96 + 5] = '\1';  // the first byte of padding after "hello"
  auto nested = [](int depth) {
    auto node = file("");
    for (int i = 0; i < depth; ++i) node = directory(entry("d", node));
    return nar(node);
  };
  const auto start = str("nix-archive-1");
  return {
      {"empty", ""},
      {"wrong magic", str("nix-archive-2") + file("")},
      {"not a NAR", "<html><body>Not found</body></html>"},
      {"xz, not decompressed", std::string("\xfd\x37zXZ\0\0\4\xe6\xd6\xb4\x46", 12)},
      {"one byte behind", nar(file("hello")) + '\0'},
      {"eight zero bytes behind", nar(file("hello")) + le64(0)},
      {"a second NAR behind", nar(file("hello")) + nar(file("hello"))},
      {"a second node behind", nar(file("hello")) + file("hello")},
      {"padding that is not zero", padded},
      {"names out of order", nar(directory(entry("b", file("")) + entry("a", file(""))))},
      {"a name twice", nar(directory(entry("a", file("")) + entry("a", file(""))))},
      {"order is bytewise, unsigned",
       nar(directory(entry("\xff", file("")) + entry("a", file(""))))},
      {"empty name", nar(directory(entry("", file(""))))},
      {"dot", nar(directory(entry(".", file(""))))},
      {"dot dot", nar(directory(entry("..", file(""))))},
      {"slash", nar(directory(entry("a/b", file(""))))},
      {"traversal", nar(directory(entry("../x", file(""))))},
      {"NUL", nar(directory(entry(std::string_view("a\0b", 3), file(""))))},
      {"long name", nar(directory(entry(std::string(256, 'n'), file(""))))},
      {"long target", nar(link(std::string(4096, 't')))},
      {"65 directories", nested(65)},
      {"unknown type", start + strs({"(", "type", "fifo", ")"})},
      {"no type", start + strs({"(", ")"})},
      {"file without contents", start + strs({"(", "type", "regular", ")"})},
      {"executable with a value",
       start + strs({"(", "type", "regular", "executable", "1", "contents", "", ")"})},
      {"executable twice", start + strs({"(", "type", "regular", "executable", "", "executable", "",
                                         "contents", "", ")"})},
      {"contents twice",
       start + strs({"(", "type", "regular", "contents", "", "contents", "", ")"})},
      {"link without target", start + strs({"(", "type", "symlink", ")"})},
      {"entry without node",
       start + strs({"(", "type", "directory", "entry", "(", "name", "a", ")"})},
      {"entry without name", start + strs({"(", "type", "directory", "entry", "(", "node"})},
      {"entry in a file", start + strs({"(", "type", "regular", "entry"})},
      {"magic of length 2^63", le64(1ULL << 63)},
      {"magic of length 2^64-1", le64(UINT64_MAX)},
      {"word of length 2^63", start + le64(1ULL << 63) + "("},
      {"name of length 2^63",
       start + strs({"(", "type", "directory", "entry", "(", "name"}) + le64(1ULL << 63)},
      {"target of length 2^63",
       start + strs({"(", "type", "symlink", "target"}) + le64(1ULL << 63)},
      {"contents of length 2^63",
       start + strs({"(", "type", "regular", "contents"}) + le64(1ULL << 63) + "abc"},
      {"contents of length 2^64-1",
       start + strs({"(", "type", "regular", "contents"}) + le64(UINT64_MAX) + "abc"},
  };
}

TEST(NarWalker, RefusesWhatIsNoNar) {
  for (const auto& [why, bytes] : hostile()) EXPECT_FALSE(walk(bytes).good) << why;
}

TEST(NarWalker, SixtyFourDirectoriesAreAllowed) {
  auto node = file("");
  for (int i = 0; i < 64; ++i) node = directory(entry("d", node));
  EXPECT_TRUE(walk(nar(node)).good);
}

TEST(NarWalker, EveryPrefixIsIncomplete) {
  const auto whole = tree();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    NarWalker walker;
    ASSERT_TRUE(walker.feed(whole.substr(0, size))) << size;
    ASSERT_FALSE(walker.complete()) << size;
    ASSERT_EQ(walker.finish().error().kind(), ErrorKind::corrupt);
  }
}

TEST(NarWalker, TheAnswerDoesNotDependOnTheSplit) {
  std::mt19937 random(20240608);
  std::vector<std::string> inputs = {tree(), nar(file(std::string(5000, 'x')))};
  for (const auto& [why, bytes] : hostile()) inputs.push_back(bytes);
  for (int i = 0; i < 300; ++i) {
    auto bent = tree();
    bent[random() % bent.size()] = static_cast<char>(random());
    inputs.push_back(bent);
  }
  for (const auto& bytes : inputs) {
    const auto whole = walk(bytes);
    ASSERT_EQ(walk(bytes, [] { return 1; }), whole);
    for (int round = 0; round < 5; ++round) {
      ASSERT_EQ(walk(bytes, [&] { return 1 + random() % 40; }), whole);
    }
  }
}

TEST(NarWalker, SaysWhere) {
  EXPECT_EQ(walk(nar(file("hello")) + "x").error, "NAR, byte 120: bytes after the end");
}

TEST(NarWalker, FollowsContentsOfAnySizeWithoutKeepingThem) {
  NarWalker walker;
  const std::uint64_t size = 3ULL << 30;
  ASSERT_TRUE(
      walker.feed(str("nix-archive-1") + strs({"(", "type", "regular", "contents"}) + le64(size)));
  const std::string piece(1 << 20, 'x');
  for (std::uint64_t fed = 0; fed < size; fed += piece.size()) ASSERT_TRUE(walker.feed(piece));
  ASSERT_TRUE(walker.feed(str(")")));
  EXPECT_TRUE(walker.finish());
}

}  // namespace
}  // namespace ncps::nix
