// The chain of credentials through real HTTP and real files, to a bucket of the real server.
#include "storage/s3/s3_outside.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "base/testing/temp_dir.h"
#include "fetch/curl/curl_client.h"
#include "fetch/curl/testing/raw_server.h"
#include "rt/block_on.h"
#include "storage/s3/credential_chain.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;
using fetch::testing::RawConnection;
using fetch::testing::RawServer;

struct S3Outside : ::testing::Test {
  S3Outside() {
    for (auto name : {"http_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY"})
      ::unsetenv(name);
  }
  ~S3Outside() override {
    ::unsetenv("http_proxy");
    disk.join();
  }

  Result<Credentials> find(std::map<std::string, std::string> environment) {
    CredentialOptions options{.environment = std::move(environment)};
    return block_on(runtime, find_credentials(options, *outside, Deadline::after(20s)));
  }

  // Answers each request by its first line; what is not there is 404.
  static RawServer::Script service(std::map<std::string, std::string> answers,
                                   Guarded<std::string>& heads) {
    return [answers = std::move(answers), &heads](RawConnection& connection) {
      for (;;) {
        auto head = connection.read_head();
        if (head.empty()) return;
        heads.with([&](auto& all) { all += head; });
        if (auto at = head.find("Content-Length: "); at != head.npos) {
          auto body = connection.read_body(std::stoul(head.substr(at + 16)));
          heads.with([&](auto& all) { all += body + "\n"; });
        }
        auto asked = answers.find(head.substr(0, head.find(" HTTP/")));
        auto text = asked == answers.end() ? "" : asked->second;
        connection.send((asked == answers.end() ? "HTTP/1.1 404 No\r\n" : "HTTP/1.1 200 OK\r\n") +
                        ("Content-Length: " + std::to_string(text.size()) + "\r\n\r\n") + text);
      }
    };
  }

  static std::string keys() {
    return R"({"Code":"Success","AccessKeyId":"ID","SecretAccessKey":"SECRET","Token":"SESSION",)"
           R"("Expiration":"2999-01-01T00:00:00Z"})";
  }

  ncps::testing::TempDir folder;
  Runtime runtime{1};
  Pool disk{1};
  std::unique_ptr<fetch::HttpClient> http = fetch::make_curl_client({.user_agent = "ncps/test"});
  std::unique_ptr<Outside> outside = make_outside(*http, disk);
  Guarded<std::string> heads;
};

TEST_F(S3Outside, TheMetadataServiceIsAskedWithoutTheProxyOfTheEnvironment) {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const std::string list = "/latest/meta-data/iam/security-credentials/";
  RawServer server(service({{"PUT /latest/api/token", "TOKEN"},
                            {"GET " + list, "my-role"},
                            {"GET " + list + "my-role", keys()}},
                           heads));
  auto url = server.url();
  auto found = find({{"AWS_EC2_METADATA_SERVICE_ENDPOINT", url.substr(0, url.size() - 1)}});
  ASSERT_TRUE(found) << found.error().what();
  EXPECT_EQ(found->access_key, "ID");
  EXPECT_EQ(found->session_token, "SESSION");
  auto seen = heads.with([](auto& all) { return all; });
  EXPECT_NE(seen.find("x-aws-ec2-metadata-token: TOKEN"), seen.npos) << seen;
  http.reset();
}

TEST_F(S3Outside, WebIdentityPostsTheTokenOfTheFile) {
  RawServer server(
      service({{"POST /",
                "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                "<AccessKeyId>ID</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey>"
                "<SessionToken>SESSION</SessionToken>"
                "<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
                "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"}},
              heads));
  auto file = folder.path() / "token";
  std::ofstream(file) << "my.token\n";
  auto found = find({{"AWS_WEB_IDENTITY_TOKEN_FILE", file},
                     {"AWS_ROLE_ARN", "arn:aws:iam::1:role/x"},
                     {"AWS_ENDPOINT_URL_STS", server.url()}});
  ASSERT_TRUE(found) << found.error().what();
  EXPECT_EQ(found->access_key, "ID");
  auto seen = heads.with([](auto& all) { return all; });
  EXPECT_NE(seen.find("WebIdentityToken=my.token"), seen.npos) << seen;
  EXPECT_NE(seen.find("application/x-www-form-urlencoded"), seen.npos) << seen;
  http.reset();
}

TEST_F(S3Outside, TheSharedFileIsRead) {
  auto file = folder.path() / "credentials";
  std::ofstream(file) << "[default]\naws_access_key_id = ID\naws_secret_access_key = SECRET\n";
  auto found = find({{"AWS_SHARED_CREDENTIALS_FILE", file}});
  ASSERT_TRUE(found) << found.error().what();
  EXPECT_EQ(found->secret_key, "SECRET");
}

TEST_F(S3Outside, AFileThatIsNotThereIsAbsentAndOneThatCannotBeReadIsAnError) {
  auto read = [&](std::filesystem::path path) { return block_on(runtime, outside->read(path)); };
  EXPECT_EQ(read(folder.path() / "none").value(), std::nullopt);
  EXPECT_EQ(read(folder.path()).error().kind(), ErrorKind::unavailable);
}

TEST_F(S3Outside, AnAnswerWithoutEndIsRefused) {
  RawServer server([](RawConnection& connection) {
    connection.read_head();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    while (connection.send(std::string(1 << 20, 'x'))) {
    }
  });
  auto deadline = Deadline::after(20s);
  HttpAsk ask{"GET", server.url(), {}, ""};
  auto reply = block_on(runtime, outside->ask(std::move(ask), deadline));
  EXPECT_EQ(reply.error().kind(), ErrorKind::unavailable);
}

}  // namespace
}  // namespace ncps::s3
