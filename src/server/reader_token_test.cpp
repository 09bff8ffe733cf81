#include "server/reader_token.h"

#include <gtest/gtest.h>

#include "crypto/encoding.h"
#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

std::string basic(std::string_view pair) {
  return "Basic " +
         crypto::to_base64({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
}

TEST(ReaderToken, AdmitsTheTokenAsBearerAndAsPassword) {
  ReaderToken token("s3cret:with colon");
  EXPECT_TRUE(token.admits("Bearer s3cret:with colon"));
  EXPECT_TRUE(token.admits("bEARER   s3cret:with colon"));
  EXPECT_TRUE(token.admits(basic(":s3cret:with colon")));
  EXPECT_TRUE(token.admits(basic("anybody:s3cret:with colon")));
}

TEST(ReaderToken, AdmitsNothingElse) {
  ReaderToken token("token");
  for (const auto& wrong :
       {std::string(), std::string("token"), std::string("Bearer"), std::string("Bearer "),
        std::string("Bearer toke"), std::string("Bearer tokenx"), std::string("Bearer token "),
        std::string("Digest token"), std::string("Basic token"), std::string("Basic "),
        basic("token"), basic("token:"), basic("a:Token"), std::string("Bearertoken")})
    EXPECT_FALSE(token.admits(wrong)) << wrong;
}

}  // namespace
}  // namespace ncps::server
