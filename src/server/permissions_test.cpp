#include "server/permissions.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::server {
namespace {

using access::Right;
using http::Method;

struct PermissionsTest : ::testing::Test {
  struct Ask final : http::Request {
    std::string authorization;
    std::string_view header(std::string_view name) const override {
      return name == "Authorization" ? std::string_view(authorization) : std::string_view();
    }
  };
  static constexpr Method kMethods[] = {Method::get,  Method::head,    Method::put,
                                        Method::post, Method::delete_, Method::other};

  unsigned status(const Permissions& permissions, Method method, std::string_view path,
                  std::string_view token, std::span<const std::string> certificate = {}) {
    Ask ask;
    ask.certificate = certificate;
    ask.method = method;
    client_ = "10.0.0." + std::to_string(++asked_);
    ask.client = client_;
    if (!token.empty()) ask.authorization = "Bearer " + std::string(token);
    auto permit = permissions.ask(ask, parse_target(path).route);
    return permit.refusal ? permit.refusal->status : 200;
  }
  int asked_ = 0;
  std::string client_;
};

const char* const kPaths[] = {"/",
                              "/nix-cache-info",
                              "/pubkey",
                              "/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo",
                              "/nar/1bn7c3bf5z32cdgylhbp9nzhh6ydib5ngsm6mdhsvf233g0nh1ac.nar.xz",
                              "/26xbg1ndr7hbcncrlf9nhx5is2b25d13.ls",
                              "/pins",
                              "/upload/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo",
                              "/upload/nix-cache-info",
                              "/log/26xbg1ndr7hbcncrlf9nhx5is2b25d13-x.drv",
                              "/nowhere",
                              "/nar/../x.nar"};

TEST_F(PermissionsTest, EveryMethodOnEveryRouteWantsItsToken) {
  Permissions permissions({access::Token::of("r", "reader", Right::read),
                           access::Token::of("w", "writer", Right::write),
                           access::Token::of("d", "janitor", Right::remove),
                           access::Token::of("a", "admin", Right::admin)});
  struct Row {
    std::string_view token;
    unsigned read, write, remove;
  };
  const Row rows[] = {{"", 401, 401, 401},        {"x", 401, 401, 401},
                      {"reader", 200, 403, 403},  {"writer", 200, 200, 403},
                      {"janitor", 200, 403, 200}, {"admin", 200, 200, 200}};
  for (const auto& row : rows) {
    for (auto path : kPaths) {
      for (auto method : kMethods) {
        auto expected = method == Method::delete_                         ? row.remove
                        : method == Method::put || method == Method::post ? row.write
                                                                          : row.read;
        EXPECT_EQ(status(permissions, method, path, row.token), expected)
            << row.token << ' ' << static_cast<int>(method) << ' ' << path;
      }
    }
  }
}

TEST_F(PermissionsTest, PinsAreChangedByWritersAlone) {
  Permissions permissions({access::Token::of("r", "reader", Right::read),
                           access::Token::of("w", "writer", Right::write),
                           access::Token::of("d", "janitor", Right::remove)});
  for (auto method : {Method::post, Method::delete_}) {
    auto pin = "/pin/26xbg1ndr7hbcncrlf9nhx5is2b25d13.narinfo";
    EXPECT_EQ(status(permissions, method, pin, ""), 401u);
    EXPECT_EQ(status(permissions, method, pin, "reader"), 403u);
    EXPECT_EQ(status(permissions, method, pin, "janitor"), 403u);
    EXPECT_EQ(status(permissions, method, pin, "writer"), 200u);
  }
}

TEST_F(PermissionsTest, HealthIsOpenWhateverIsSent) {
  Permissions permissions({access::Token::of("r", "reader", Right::read)});
  for (auto path : {"/healthz", "/readyz"})
    for (auto method : kMethods)
      for (auto token : {"", "x", "reader"})
        EXPECT_EQ(status(permissions, method, path, token), 200u) << path;
}

// /metrics as in the Go program, whose scrapers know no token, until there is one for admins.
TEST_F(PermissionsTest, WhatAdminsSeeIsClosedByTheirToken) {
  Permissions open, read({access::Token::of("r", "reader", Right::read)}),
      admin({access::Token::of("a", "admin", Right::admin)}),
      both({access::Token::of("r", "reader", Right::read),
            access::Token::of("a", "admin", Right::admin)});
  struct Row {
    const Permissions& permissions;
    std::string_view token;
    unsigned status, metrics;
  };
  const Row rows[] = {
      {open, "", 200, 200},       {read, "", 401, 200},       {read, "reader", 200, 200},
      {admin, "", 401, 401},      {admin, "admin", 200, 200}, {both, "", 401, 401},
      {both, "reader", 403, 403}, {both, "admin", 200, 200},  {both, "guess", 401, 401}};
  for (const auto& row : rows)
    for (auto method : {Method::get, Method::head}) {
      EXPECT_EQ(status(row.permissions, method, "/status", row.token), row.status) << row.token;
      EXPECT_EQ(status(row.permissions, method, "/metrics", row.token), row.metrics) << row.token;
    }
}

TEST_F(PermissionsTest, WithoutTokensEverythingIsOpen) {
  Permissions permissions;
  for (auto path : kPaths)
    for (auto method : kMethods) EXPECT_EQ(status(permissions, method, path, ""), 200u) << path;
  EXPECT_EQ(permissions.audience(), Audience::everybody);
}

TEST_F(PermissionsTest, NewTokensAreInForceAtOnce) {
  Permissions permissions;
  permissions.use({access::Token::of("r", "reader", Right::read)});
  EXPECT_EQ(status(permissions, Method::get, "/pubkey", ""), 401u);
  EXPECT_EQ(permissions.audience(), Audience::token_holders);
  permissions.use({access::Token::of("w", "writer", Right::write)});
  EXPECT_EQ(status(permissions, Method::get, "/pubkey", ""), 200u);
  EXPECT_EQ(status(permissions, Method::put, "/pubkey", ""), 401u);
}

access::Token holder(std::string certificate, access::Rights rights) {
  return {.name = certificate, .digest = {}, .rights = rights, .certificate = certificate};
}

TEST_F(PermissionsTest, EveryMethodOnEveryRouteWantsItsCertificate) {
  const std::vector<access::Token> tokens = {
      holder("reader", Right::read), holder("writer", Right::write),
      holder("janitor", Right::remove), holder("boss", Right::admin)};
  Permissions optional(tokens), required(tokens, Certificates::required);
  struct Row {
    std::vector<std::string> certificate;
    unsigned read, write, remove;
  };
  const Row rows[] = {{{}, 401, 401, 401},          {{"stranger"}, 401, 401, 401},
                      {{"reader"}, 200, 403, 403},  {{"x.example", "writer"}, 200, 200, 403},
                      {{"janitor"}, 200, 403, 200}, {{"boss"}, 200, 200, 200}};
  for (const auto& row : rows) {
    for (auto path : kPaths) {
      for (auto method : kMethods) {
        auto expected = method == Method::delete_                         ? row.remove
                        : method == Method::put || method == Method::post ? row.write
                                                                          : row.read;
        EXPECT_EQ(status(optional, method, path, "", row.certificate), expected)
            << static_cast<int>(method) << ' ' << path;
        EXPECT_EQ(status(required, method, path, "", row.certificate),
                  row.certificate.empty() ? 403 : expected)
            << static_cast<int>(method) << ' ' << path;
      }
    }
  }
}

TEST_F(PermissionsTest, WithoutARequiredCertificateNothingButHealthIsOpen) {
  Permissions permissions({access::Token::of("a", "admin", Right::admin)}, Certificates::required);
  EXPECT_EQ(permissions.audience(), Audience::token_holders);
  const std::vector<std::string> anybody = {"anybody"};
  for (auto method : kMethods) {
    for (auto path : {"/healthz", "/readyz"})
      EXPECT_EQ(status(permissions, method, path, ""), 200u) << path;
    for (auto path : {"/", "/nix-cache-info", "/metrics", "/status", "/nowhere"})
      EXPECT_EQ(status(permissions, method, path, "admin"), 403u) << path << ", also with a token";
  }
  EXPECT_EQ(status(permissions, Method::get, "/nix-cache-info", "", anybody), 200u);
  EXPECT_EQ(status(permissions, Method::get, "/metrics", "", anybody), 401u);
  EXPECT_EQ(status(permissions, Method::get, "/metrics", "admin", anybody), 200u);
  Permissions open({}, Certificates::required);
  EXPECT_EQ(status(open, Method::get, "/metrics", ""), 403u);
  open.use({}, Certificates::optional);
  EXPECT_EQ(status(open, Method::get, "/metrics", ""), 200u);
  EXPECT_EQ(open.audience(), Audience::everybody);
}

}  // namespace
}  // namespace ncps::server
