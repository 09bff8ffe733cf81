// Real connections: every form of URL, TLS, and what an error may say.
#include <gtest/gtest.h>

#include "db/soci/dialect.h"
#include "db/soci/open_catalog.h"
#include "db/soci/testing/database_server.h"
#include "db/soci/testing/wire.h"

namespace ncps::db {
namespace {

using ncps::testing::DatabaseServer;
using ncps::testing::Wire;

// For a server that is there, also on a busy machine; nobody here waits for one that is not.
const PoolLimits kLimits{.connecting = std::chrono::seconds(10),
                         .answering = std::chrono::seconds(10)};

class Connect : public ::testing::TestWithParam<DatabaseKind> {
 protected:
  static bool mysql() { return GetParam() == DatabaseKind::mysql; }

  // "" if it connects and answers, else why not.
  std::string try_to(const std::string& text) {
    auto url = parse_database_url(text);
    if (!url) return url.error().what();
    auto dialect = make_dialect(*url, kLimits);
    try {
      int one = 0;
      auto sql = dialect->connect();
      *sql << "SELECT 1", soci::into(one);
      encrypted = is_encrypted(*sql);
      return one == 1 ? "" : "no answer";
    } catch (const std::exception& e) {
      return dialect->error(e).what();
    }
  }

  static bool is_encrypted(soci::session& sql) {
    std::string cipher, name;
    if (mysql())
      sql << "SHOW STATUS LIKE 'Ssl_cipher'", soci::into(name), soci::into(cipher);
    else
      sql << "SELECT coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
          soci::into(cipher);
    return !cipher.empty();
  }

  std::string scheme() const { return mysql() ? "mysql" : "postgresql"; }
  std::string who() const {
    return std::string(DatabaseServer::kUser) + ":" + std::string(DatabaseServer::kPassword) + "@";
  }
  std::string at_host(const std::string& host, const std::string& options) const {
    return scheme() + "://" + who() + host + ":" + std::to_string(server.port()) + "/" + database +
           options;
  }
  std::string verifying(const std::filesystem::path& ca, bool host_too) const {
    if (mysql()) return "?tls=true&ssl-ca=" + ca.native();
    return std::string("?sslmode=verify-") + (host_too ? "full" : "ca") +
           "&sslrootcert=" + ca.native();
  }

  DatabaseServer& server = DatabaseServer::of(GetParam());
  const std::string database = [this] {
    auto url = server.fresh_database();
    return url.substr(url.rfind('/') + 1);
  }();
  bool encrypted = false;  // the last connection
};

INSTANTIATE_TEST_SUITE_P(Postgres, Connect, ::testing::Values(DatabaseKind::postgresql));
INSTANTIATE_TEST_SUITE_P(Mysql, Connect, ::testing::Values(DatabaseKind::mysql));

TEST_P(Connect, EveryFormOfUrlDoes) {
  auto port = std::to_string(server.port());
  auto folder = server.folder().native(), socket = server.socket().native();
  std::vector<std::string> forms = {at_host("127.0.0.1", ""), at_host("localhost", "")};
  if (mysql()) {
    for (const auto& form : {"mysql+unix://" + who() + socket + "/" + database,
                             "MySQL+Unix://" + who() + socket + "/" + database,
                             "mysql://" + who() + "/" + database + "?socket=" + socket,
                             "mysql://" + who() + "/" + database + "?unix_socket=" + socket,
                             "mysql://" + who() + "/" + database + "?host=" + socket,
                             at_host("127.0.0.1", "?parseTime=true&loc=UTC&charset=utf8mb4")})
      forms.push_back(form);
  } else {
    for (const auto& form :
         {"postgres+unix://" + who() + folder + "/" + database + "?port=" + port,
          "postgres:///" + database + "?host=" + folder + "&port=" + port +
              "&user=" + std::string(DatabaseServer::kUser) +
              "&password=" + std::string(DatabaseServer::kPassword),
          "postgresql://" + who() + "/" + database + "?port=" + port + "&host=" + folder,
          at_host("127.0.0.1", "?application_name=it%27s%20%5Cme&search_path=%22a%20b%22,public")})
      forms.push_back(form);
  }
  for (const auto& form : forms) EXPECT_EQ(try_to(form), "") << form;
}

TEST_P(Connect, TlsIsUsedWhenAskedForAndNotOtherwise) {
  EXPECT_EQ(try_to(at_host("127.0.0.1", mysql() ? "?tls=false" : "?sslmode=disable")), "");
  EXPECT_FALSE(encrypted);
  for (const auto* options :
       {mysql() ? "?tls=skip-verify" : "?sslmode=require", mysql() ? "?tls=preferred" : ""}) {
    EXPECT_EQ(try_to(at_host("127.0.0.1", options)), "");
    EXPECT_TRUE(encrypted) << options;
  }
}

TEST_P(Connect, AServerThatTheCaHasSignedIsTrustedUnderItsName) {
  EXPECT_EQ(try_to(at_host("localhost", verifying(server.ca(), true))), "");
  EXPECT_TRUE(encrypted);
}

TEST_P(Connect, AServerThatAnotherCaHasSignedIsRefused) {
  EXPECT_NE(try_to(at_host("localhost", verifying(server.other_ca(), true))), "");
  EXPECT_NE(try_to(at_host("localhost", verifying(server.other_ca(), false))), "");
  EXPECT_NE(try_to(at_host("localhost", mysql() ? "?tls=true" : "?sslmode=verify-full")), "")
      << "nor do the system's";
  EXPECT_NE(try_to(at_host("localhost", verifying("/nowhere/ca.pem", true))), "");
}

TEST_P(Connect, AServerOfAnotherNameIsRefused) {
  EXPECT_NE(try_to(at_host("127.0.0.1", verifying(server.ca(), true))), "");
  if (!mysql()) {
    EXPECT_EQ(try_to(at_host("127.0.0.1", verifying(server.ca(), false))), "") << "verify-ca";
  }
}

TEST_P(Connect, NobodyInBetweenCanTakeTlsAway) {
  Wire wire(GetParam(), server.port());
  wire.deny_tls();
  auto at_wire = [&](const std::string& options) {
    return server.url_at(wire.port(), database) + options;
  };
  EXPECT_EQ(try_to(at_wire(mysql() ? "?tls=preferred" : "?sslmode=prefer")), "");
  EXPECT_FALSE(encrypted) << "the wire takes it away";
  EXPECT_NE(try_to(at_wire(mysql() ? "?tls=skip-verify" : "?sslmode=require")), "");
  EXPECT_NE(try_to(at_wire(verifying(server.ca(), false))), "");
}

TEST_P(Connect, NoErrorHoldsThePassword) {
  auto wrong = std::string("wr%2Fong-pass'word%5C");
  auto wrong_plain = std::string("wr/ong-pass'word\\");
  auto with = [&](const std::string& password, const std::string& rest) {
    return scheme() + "://" + password + ":" + password + "@" + rest;
  };
  auto port = std::to_string(server.port());
  for (const auto& url :
       {with(wrong, "127.0.0.1:" + port + "/" + database), with(wrong, "127.0.0.1:1/" + database),
        with(wrong, "no-such-host.invalid/" + database), with(wrong, "127.0.0.1:" + port + "/none"),
        with(wrong, "localhost:" + port + "/x" + verifying(server.other_ca(), true)),
        scheme() + "+unix://" + wrong + ":" + wrong + "@/no/such/socket/x",
        at_host("127.0.0.1", "").replace(at_host("127.0.0.1", "").rfind('/'), 99, "/none"),
        at_host("localhost", verifying(server.other_ca(), true)),
        at_host("localhost", verifying("/nowhere/ca.pem", true))}) {
    auto parsed = parse_database_url(url);
    ASSERT_TRUE(parsed) << url;
    auto opened = open_catalog(*parsed, kLimits);
    ASSERT_FALSE(opened) << url;
    EXPECT_EQ(opened.error().kind(), ErrorKind::unavailable);
    auto said = opened.error().what();
    EXPECT_TRUE(said.contains("SQL at ")) << said;
    EXPECT_FALSE(said.contains('\n')) << said;
    for (auto secret : {std::string_view(wrong), std::string_view(wrong_plain),
                        DatabaseServer::kPassword, DatabaseServer::kPlainPassword})
      EXPECT_FALSE(said.contains(secret)) << said;
  }
}

}  // namespace
}  // namespace ncps::db
