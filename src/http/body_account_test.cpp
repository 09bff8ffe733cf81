#include "http/body_account.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <vector>

#include "rt/sure_source.h"

namespace ncps::http {
namespace {

struct Any final : ByteSource {
  Task<Piece> next() override { co_return Piece(); }
};
struct Sure final : SureSource {
  Task<Piece> next() override { co_return Piece(); }
};

TEST(BodyAccount, OnlyWhatHasItsLengthIsWhole) {
  struct Row {
    std::optional<std::uint64_t> length;
    std::vector<std::uint64_t> pieces;  // 0: the end
    std::string wrong;                  // of the last of them; all before are right
  };
  const Row rows[] = {
      {0, {0}, ""},
      {0, {1}, "the body has 1 bytes more than its length"},
      {10, {10, 0}, ""},
      {10, {1, 8, 1, 0}, ""},
      {10, {0}, "the body ended 10 bytes before its length"},
      {10, {9, 0}, "the body ended 1 bytes before its length"},
      {10, {11}, "the body has 1 bytes more than its length"},
      {10, {10, 1}, "the body has 1 bytes more than its length"},
      {10, {9, UINT64_MAX}, "the body has 18446744073709551614 bytes more than its length"},
      {UINT64_MAX, {UINT64_MAX - 1, 1, 0}, ""},
      {std::nullopt, {0}, ""},
      {std::nullopt, {1, UINT64_MAX, UINT64_MAX, 0}, ""},
  };
  Any source;
  for (const auto& row : rows) {
    BodyAccount account(row.length, source);
    for (std::size_t i = 0; i < row.pieces.size(); ++i) {
      bool last = i + 1 == row.pieces.size();
      EXPECT_EQ(account.take(row.pieces[i]).value_or(""), last ? row.wrong : "")
          << ::testing::PrintToString(row.pieces) << " " << i;
    }
  }
}

TEST(BodyAccount, TheLastByteWaitsForTheEndOfASourceThatIsNotSure) {
  Any any;
  Sure sure;
  BodyAccount known(10, any), certain(10, sure), unknown(std::nullopt, any);
  for (auto* account : {&known, &certain, &unknown}) {
    EXPECT_FALSE(account->take(9));
    EXPECT_FALSE(account->keeps_last());
    EXPECT_FALSE(account->take(1));
    EXPECT_EQ(account->keeps_last(), account == &known);
  }
}

TEST(BodyAccount, IsEmptyOnlyIfThatWasAnnounced) {
  Any source;
  EXPECT_TRUE(BodyAccount(0, source).is_empty());
  EXPECT_FALSE(BodyAccount(1, source).is_empty());
  EXPECT_FALSE(BodyAccount(std::nullopt, source).is_empty());
}

TEST(LastByte, IsThatOfMemoryOrOfTheStretchOfAFile) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  ASSERT_GE(std::fputs("0123456789", file), 0);
  ASSERT_EQ(std::fflush(file), 0);
  Piece text = std::string_view("abc"), stretch = FileSpan{::fileno(file), 2, 3};
  for (auto [piece, last] : {std::pair(&text, 'c'), std::pair(&stretch, '4')}) {
    EXPECT_EQ(last_of(*piece), last);
    drop_last(*piece);
    EXPECT_EQ(piece_size(*piece), 2u);
    EXPECT_EQ(last_of(*piece), static_cast<char>(last - 1));
  }
  EXPECT_FALSE(last_of(FileSpan{::fileno(file), 8, 3}));  // beyond its end
  EXPECT_FALSE(last_of(FileSpan{-1, 0, 1}));
  std::fclose(file);
}

}  // namespace
}  // namespace ncps::http
