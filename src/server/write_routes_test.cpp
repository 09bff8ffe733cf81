// PUT, DELETE and what is read below /upload, over a real server.
#include "server/write_routes.h"

#include "cache/testing/sample.h"
#include "server/testing/router_fixture.h"

namespace ncps::server {
namespace {

using cache::make_sample;
using cache::Sample;
using http::testing::Answer;
using http::testing::RawClient;

class WriteRoutesTest : public testing::RouterTest {
 public:
  WriteRoutesTest() {
    write_policy.replace({.put = true, .remove = true, .most_nar_bytes = 1 << 20});
    start();
  }

  Answer put(const std::string& path, const std::string& body, const std::string& headers = "") {
    return ask("PUT", path,
               headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  // ask() ends the head with an empty line of its own; a body has to come before that.
  Answer ask(std::string_view method, const std::string& path, const std::string& rest = "") {
    RawClient client(server->port());
    std::string text = std::string(method) + " " + path + " HTTP/1.1\r\nHost: a\r\n" + rest;
    client.send(rest.find("\r\n\r\n") == rest.npos ? text + "\r\n" : text);
    return client.read(method == "HEAD" ? RawClient::To::head : RawClient::To::get);
  }
  static std::string info_path(const Sample& sample) {
    return "/" + std::string(sample.hash().str()) + ".narinfo";
  }
  static std::string nar_path(const Sample& sample) { return "/" + sample.info.url; }
  void send(const Sample& sample) {
    ASSERT_EQ(put(nar_path(sample), sample.file).status, 204u);
    ASSERT_EQ(put(info_path(sample), sample.text()).status, 204u);
  }
};

TEST_F(WriteRoutesTest, WhatMayBeDoneWhere) {
  auto sample = make_sample("one");
  auto info = info_path(sample), nar = nar_path(sample);
  std::string listing = "/" + std::string(sample.hash().str()) + ".ls";
  struct Row {
    WritePolicy policy;
    std::string method, path;
    unsigned status;
    std::string allow;
  };
  const WritePolicy none, put{.put = true}, remove{.remove = true},
      all{.put = true, .remove = true};
  const std::string read = "GET, HEAD", with_put = "GET, HEAD, PUT",
                    with_delete = "GET, HEAD, DELETE";
  const Row rows[] = {
      {none, "PUT", info, 405, read},
      {none, "DELETE", info, 405, read},
      {none, "PUT", "/upload" + nar, 405, read},
      {none, "PUT", "/nowhere", 405, read},
      {none, "POST", info, 405, read},
      {put, "DELETE", info, 405, with_put},
      {put, "DELETE", nar, 405, with_put},
      {put, "POST", info, 405, with_put},
      {put, "PUT", "/nix-cache-info", 405, read},
      {put, "PUT", "/upload/nix-cache-info", 405, read},
      {put, "PUT", "/pubkey", 405, read},
      {put, "PUT", "/healthz", 405, read},
      {put, "PUT", "/nowhere", 404, ""},
      {put, "PUT", "/upload/nowhere", 404, ""},
      {put, "PUT", "/nar/x.y.nar.xz", 400, ""},
      {put, "PUT", info, 411, ""},
      {put, "PUT", "/upload" + info, 411, ""},
      {put, "PUT", listing, 411, ""},
      {remove, "PUT", nar, 405, with_delete},
      {remove, "DELETE", nar, 404, ""},
      {remove, "DELETE", info, 404, ""},
      {remove, "DELETE", listing, 405, read},
      {remove, "DELETE", "/upload" + info, 404, ""},
      {remove, "DELETE", "/upload" + nar, 404, ""},
      {remove, "DELETE", "/upload" + listing, 405, read},
      {remove, "DELETE", "/upload/nix-cache-info", 405, read},
      {remove, "POST", "/upload" + info, 405, with_delete},
      {remove, "DELETE", "/nowhere", 404, ""},
      {all, "DELETE", "/nix-cache-info", 405, read},
      {all, "POST", info, 405, "GET, HEAD, PUT, DELETE"},
  };
  for (const auto& row : rows) {
    write_policy.replace(row.policy);
    auto answer = ask(row.method, row.path);
    EXPECT_EQ(answer.status, row.status) << row.method << ' ' << row.path;
    EXPECT_TRUE(row.allow.empty() || answer.has("Allow: " + row.allow + "\r\n")) << answer.head;
  }
}

TEST_F(WriteRoutesTest, AnUploadIsServedAtOnceAlsoWhereItWasInMemory) {
  auto sample = make_sample("one");
  EXPECT_EQ(get(info_path(sample)).status, 404u);
  send(sample);
  auto answer = get(info_path(sample));
  EXPECT_EQ(answer.body, sample.text());
  EXPECT_EQ(how(info_path(sample)), "memory");
  sample.sign(key);
  EXPECT_EQ(put(info_path(sample), sample.text()).status, 204u);
  EXPECT_EQ(get(info_path(sample)).body, sample.text());
  EXPECT_EQ(ask("DELETE", info_path(sample)).status, 204u);
  EXPECT_EQ(get(info_path(sample)).status, 404u);
  EXPECT_EQ(get(nar_path(sample)).status, 404u);
  send(sample);
  EXPECT_EQ(get(info_path(sample)).status, 200u);
  EXPECT_EQ(ask("DELETE", nar_path(sample)).status, 204u);
  EXPECT_EQ(get(info_path(sample)).status, 404u);
}

TEST_F(WriteRoutesTest, ARemovalThatFailsLateLeavesNothingInMemory) {
  auto sample = make_sample("one");
  send(sample);
  EXPECT_EQ(get(info_path(sample)).status, 200u);
  auto file = root.path() / cache::nar_key(sample.url()).str();
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);  // which is not removed as a file is
  EXPECT_EQ(ask("DELETE", nar_path(sample)).status, 503u);
  std::filesystem::remove(file);
  auto again = ask("DELETE", nar_path(sample)).status;
  EXPECT_TRUE(again == 204 || again == 404) << again;
  EXPECT_EQ(get(info_path(sample)).status, 404u);
}

TEST_F(WriteRoutesTest, BelowUploadIsRemovedWhatIsRemovedAtTheRoot) {
  auto one = make_sample("one"), two = make_sample("two");
  send(one);
  send(two);
  EXPECT_EQ(get(info_path(one)).status, 200u);
  EXPECT_EQ(ask("DELETE", "/upload" + info_path(one)).status, 204u);
  EXPECT_EQ(ask("DELETE", "/upload" + nar_path(two)).status, 204u);
  for (const auto& sample : {one, two}) {
    EXPECT_EQ(get(info_path(sample)).status, 404u);
    EXPECT_EQ(get(nar_path(sample)).status, 404u);
  }
}

TEST_F(WriteRoutesTest, BelowUploadNobodyIsAsked) {
  auto sample = make_sample("one"), sent = make_sample("sent");
  first->put_narinfo(sample.hash(), sample.text());
  first->put_nar(sample.info.url, sample.file);
  EXPECT_EQ(get("/upload" + info_path(sample)).status, 404u);
  EXPECT_EQ(get("/upload" + nar_path(sample)).status, 404u);
  EXPECT_EQ(ask("HEAD", "/upload" + nar_path(sample)).status, 404u);
  EXPECT_EQ(get("/upload/" + std::string(sample.hash().str()) + ".ls").status, 404u);
  EXPECT_EQ(first->calls().all(), 0u);
  EXPECT_EQ(put("/upload" + nar_path(sent), sent.file).status, 204u);
  EXPECT_EQ(put("/upload" + info_path(sent), sent.text()).status, 204u);
  EXPECT_EQ(get("/upload" + info_path(sent)).body, sent.text());
  EXPECT_TRUE(get("/upload" + nar_path(sent)).body == sent.file);
  EXPECT_EQ(first->calls().all(), 0u);
  for (auto path : {"/upload", "/upload/", "/upload/nix-cache-info", "/upload/pubkey"})
    EXPECT_EQ(get(path).status, 200u) << path;
  for (auto path : {"/upload/healthz", "/upload/readyz", "/uploadx", "/upload/upload/pubkey"})
    EXPECT_EQ(get(path).status, 404u) << path;
}

TEST_F(WriteRoutesTest, BelowUploadANarInfoWithoutItsNarIsNotThere) {
  auto sample = make_sample("one");
  send(sample);
  std::filesystem::remove(root.path() / cache::nar_key(sample.url()).str());
  EXPECT_EQ(get("/upload" + info_path(sample)).status, 404u);
}

TEST_F(WriteRoutesTest, WhatTheHeadAloneSaysIsRefusedBeforeTheBody) {
  auto sample = make_sample("one");
  auto expect = [&](const std::string& path, const std::string& headers) {
    return ask("PUT", path, "Expect: 100-continue\r\n" + headers).status;
  };
  EXPECT_EQ(expect(nar_path(sample), "Content-Length: 1048577\r\n"), 413u);
  EXPECT_EQ(expect(info_path(sample), "Content-Length: 1048577\r\n"), 413u);
  EXPECT_EQ(expect(nar_path(sample), "Content-Length: 5\r\nContent-Encoding: gzip\r\n"), 415u);
  EXPECT_EQ(expect(info_path(sample), "Content-Length: 5\r\nContent-Encoding: deflate\r\n"), 415u);
  EXPECT_EQ(expect(nar_path(sample), "Content-Length: 5\r\nContent-Range: bytes 0-4/9\r\n"), 400u);
  EXPECT_EQ(ask("PUT", nar_path(sample), "Content-Length: 0\r\n").status, 422u);
}

TEST_F(WriteRoutesTest, ARefusalSaysWhy) {
  auto sample = make_sample("one");
  auto answer = put(info_path(sample), sample.text());
  EXPECT_EQ(answer.status, 422u);
  EXPECT_NE(answer.body.find("send it first"), std::string::npos);
  answer = put(nar_path(sample), make_sample("other").file);
  EXPECT_EQ(answer.status, 422u);
  EXPECT_NE(answer.body.find("its name is neither"), std::string::npos);
}

}  // namespace
}  // namespace ncps::server
