#include "nix/json_object.h"

#include <gtest/gtest.h>

namespace ncps::nix {
namespace {

// In pieces of `size`, so that every state is left and entered between two pieces.
Result<void> check(std::string_view text, std::size_t size) {
  JsonObjectCheck json;
  for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(size, rest.size())))
    TRY(json.feed(rest.substr(0, size)));
  return json.finish();
}

const std::string kGood[] = {
    "{}",
    " \n\t{ } \r\n",
    R"({"a":[1,-2.5e+3,true,false,null,{"b":"c"}]})",
    R"({"a":"}]\"\\","b":{}})",
    "{\"\xff\xfe\":\"names that are no UTF-8\"}",
    "{\"a\":" + std::string(511, '[') + std::string(511, ']') + "}",
};

TEST(JsonObjectCheck, TakesAWholeObject) {
  for (const auto& text : kGood)
    for (std::size_t size : {1, 2, 3, 1000}) EXPECT_TRUE(check(text, size)) << text;
}

TEST(JsonObjectCheck, RefusesEveryBeginningOfOne) {
  for (std::string text : kGood) {
    auto end = text.find_last_of('}');
    for (std::size_t n = 0; n <= end; ++n) {
      auto cut = check(std::string_view(text).substr(0, n), 1000);
      ASSERT_FALSE(cut) << text.substr(0, n);
      EXPECT_EQ(cut.error().kind(), ErrorKind::corrupt);
    }
  }
}

TEST(JsonObjectCheck, RefusesWhatIsNone) {
  for (std::string text :
       {std::string("<!DOCTYPE html><html>{}</html>"), std::string("[]"), std::string("null"),
        std::string("\"x\""), std::string("404 page not found"), std::string("{}{}"),
        std::string("{}x"), std::string("{]"), std::string("{\"a\":[}"), std::string("{\"a\":[}]"),
        std::string("{<html>}"), std::string("{'a':1}"), std::string("\x1f\x8b{}"),
        "{\"a\":" + std::string(512, '[') + std::string(512, ']') + "}"})
    EXPECT_FALSE(check(text, 1)) << text;
}

}  // namespace
}  // namespace ncps::nix
