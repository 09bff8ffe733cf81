#include "http/percent.h"

#include <gtest/gtest.h>

namespace ncps::http {
namespace {

TEST(DecodePath, DecodesOnce) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"/", "/"},
      {"/nar/a.nar.xz", "/nar/a.nar.xz"},
      {"/log/g%2B%2b", "/log/g++"},
      {"/log/g++", "/log/g++"},
      {"/a%2520b", "/a%20b"},
      {"/realisations/sha256:x%21out.doi", "/realisations/sha256:x!out.doi"},
      {"//nar///x", "/nar/x"},
      {"/%2F%2fnar", "/nar"},
      {"/a/..b/.c./...", "/a/..b/.c./..."},
      {"/dir/", "/dir/"},
      {"", ""},
  };
  for (const auto& [path, decoded] : rows) {
    auto got = decode_path(path);
    ASSERT_TRUE(got) << path << ": " << got.error().what();
    EXPECT_EQ(*got, decoded) << path;
  }
}

TEST(DecodePath, RefusesWhatCouldMeanSomethingElse) {
  using std::string_view_literals::operator""sv;
  const std::string_view rows[] = {
      "/%",      "/%2",     "/%2g",      "/%g2",      "/a%00b",      "/a%0ab",   "/a%7f",
      "/a\nb"sv, "/a\0b"sv, "/%c3%a9",   "/\xc3\xa9", "/..",         "/../x",    "/a/../b",
      "/a/.",    "/./a",    "/%2e%2e/x", "/a/.%2E",   "/a%2f..%2fb", "/a//../b", "..",
  };
  for (auto path : rows) {
    auto got = decode_path(path);
    ASSERT_FALSE(got) << path;
    EXPECT_EQ(got.error().kind(), ErrorKind::invalid) << path;
  }
}

}  // namespace
}  // namespace ncps::http
