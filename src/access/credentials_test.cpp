#include "access/credentials.h"

#include <gtest/gtest.h>

#include "crypto/encoding.h"

namespace ncps::access {
namespace {

std::string basic(std::string_view pair) {
  return "Basic " +
         crypto::to_base64({reinterpret_cast<const std::uint8_t*>(pair.data()), pair.size()});
}

TEST(Credentials, AreTheTokenAsBearerOrAsPassword) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"Bearer s3cret:with colon", "s3cret:with colon"},
      {"bEARER   s3cret", "s3cret"},
      {"Bearer x ", "x "},
      {basic(":s3cret:with colon"), "s3cret:with colon"},
      {basic("anybody:s3cret"), "s3cret"}};
  for (const auto& [header, token] : rows) EXPECT_EQ(token_in(header), token) << header;
}

TEST(Credentials, AreNothingElse) {
  for (const auto& wrong :
       {std::string(), std::string("token"), std::string("Bearer"), std::string("Bearer "),
        std::string("Digest token"), std::string("Basic token"), std::string("Basic "),
        basic("token"), basic("token:"), basic(""), std::string("Bearertoken")})
    EXPECT_EQ(token_in(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace ncps::access
