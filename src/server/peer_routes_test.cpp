// What another instance, and whoever says to be one, gets of a NAR that is on its way here.
#include "server/peer_routes.h"

#include <map>

#include "cache/testing/peers_fixture.h"

namespace ncps::server {
namespace {

using cache::Sample;

struct Asked final : http::Request {
  explicit Asked(http::Method how = http::Method::get) { method = how; }
  std::string_view header(std::string_view name) const override {
    auto it = headers.find(std::string(name));
    return it == headers.end() ? std::string_view() : it->second;
  }
  std::map<std::string, std::string> headers;
};

struct PeerRoutesTest : cache::PeersFixture {
  PeerRoutesTest() { announce(sample.row("u"), sample); }
  ~PeerRoutesTest() override { gate->open(); }

  // A client has asked for it here, and so many bytes have come.
  void begins(std::uint64_t at = 90'000) {
    u.nar(sample.info.url, {{.bytes = sample.file, .gate = gate, .gate_at = at}});
    reader = client(a, url);
    ASSERT_TRUE(has(a, url, at));
    fence = leases.holder(lease_of(url))->fence;
  }
  void ends() {
    gate->open();
    EXPECT_EQ(reader.get().bytes, sample.file);
    ASSERT_TRUE(idle(a, url));
  }

  std::string token() const { return secret.now()->token(url.file_name(), fence); }
  http::Response ask(const std::string& authorization, const std::string& range = "",
                     http::Method method = http::Method::get) {
    Asked request(method);
    request.headers["Authorization"] = authorization;
    request.headers["Range"] = range;
    auto boxed = [&]() -> Task<http::Response> { co_return co_await routes.answer(request, url); };
    return run(boxed()).value();
  }
  static std::string value_of(const http::Response& response, std::string_view name) {
    for (const auto& header : response.headers)
      if (header.name == name) return header.value;
    return "";
  }
  // All that it gives; "error" where it breaks off.
  std::string body_of(http::Response response) {
    auto source = std::get_if<std::unique_ptr<ByteSource>>(&response.body);
    if (source == nullptr) return "none";
    auto drained = run(testing::drain(std::move(*source))).value();
    return drained.error ? "error" : drained.bytes;
  }

  upstream::FakeUpstream& u = add_upstream("u");
  Sample sample = cache::make_sample("hello-1.0", 200'000);
  nix::NarUrl url = sample.url();
  std::size_t size = sample.file.size();
  std::shared_ptr<ncps::testing::Gate> gate = std::make_shared<ncps::testing::Gate>();
  std::uint64_t fence = 0;
  std::future<Got> reader;
  Live<peer::PeerSecret> secret{peer::PeerSecret("a secret of all instances")};
  PeerRoutes routes{*a.downloads, secret};
};

TEST_F(PeerRoutesTest, OnlyGetIsAnswered) {
  begins();
  for (auto method : {http::Method::head, http::Method::put, http::Method::post,
                      http::Method::delete_, http::Method::other}) {
    auto answer = ask(token(), "", method);
    EXPECT_EQ(answer.status, 405u);
    EXPECT_EQ(value_of(answer, "Allow"), "GET");
  }
  ends();
}

TEST_F(PeerRoutesTest, WhoHasNoProofForThisNarIsNotTold) {
  begins();
  auto right = token();
  auto other_file = secret.now()->token("other.nar.xz", fence);
  auto foreign = peer::PeerSecret("another secret").token(url.file_name(), fence);
  auto nobodys = peer::PeerSecret("").token(url.file_name(), fence);
  auto flipped = right;
  flipped.back() = flipped.back() == '0' ? '1' : '0';
  for (const auto& wrong : {std::string(), other_file, foreign, nobodys, flipped,
                            right.substr(0, right.size() - 1), right + "0", "Bearer " + right,
                            std::string("Bearer reader"), std::string("ncps-peer 0:00")}) {
    auto answer = ask(wrong);
    EXPECT_EQ(answer.status, 403u) << wrong;
    EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
  }
  EXPECT_EQ(ask(right).status, 200u);
  // The proof of another fence does not become one for this by changing the number.
  auto older = secret.now()->token(url.file_name(), fence - 1);
  auto number = older.find(std::to_string(fence - 1));
  ASSERT_NE(number, std::string::npos);
  EXPECT_EQ(ask(older.replace(number, std::to_string(fence).size(), std::to_string(fence))).status,
            403u);
  ends();
}

TEST_F(PeerRoutesTest, AfterAReloadOnlyTheNewSecretCounts) {
  begins();
  auto old = token();
  secret.replace(peer::PeerSecret("a new one"));
  EXPECT_EQ(ask(old).status, 403u);
  EXPECT_EQ(ask(token()).status, 200u);
  ends();
}

TEST_F(PeerRoutesTest, OfAnotherLeaseThereIsNothing) {
  EXPECT_EQ(ask(token()).status, 404u) << "nothing is on its way";
  begins();
  for (auto other : {fence - 1, fence + 1, std::uint64_t{0}})
    EXPECT_EQ(ask(secret.now()->token(url.file_name(), other)).status, 404u) << other;
  EXPECT_EQ(ask(token()).status, 200u);
  leases.expire(lease_of(url));
  EXPECT_EQ(ask(token()).status, 404u) << "the lease was lost";
  ends();
}

TEST_F(PeerRoutesTest, ItHasAllThatHasComeAndThenWhatComes) {
  begins();
  auto answer = ask(token());
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.length, size);
  EXPECT_EQ(value_of(answer, "Cache-Control"), "no-store");
  EXPECT_EQ(answer.cache, "inflight");
  ends();
  EXPECT_EQ(body_of(std::move(answer)), sample.file);
}

TEST_F(PeerRoutesTest, ItGivesAPartFromAnyByteOn) {
  begins();
  auto from = ask(token(), "bytes=50000-");
  EXPECT_EQ(from.status, 206u);
  EXPECT_EQ(value_of(from, "Content-Range"),
            "bytes 50000-" + std::to_string(size - 1) + "/" + std::to_string(size));
  EXPECT_EQ(from.length, size - 50'000);
  // Not held back: whoever asks verifies for itself.
  EXPECT_EQ(body_of(ask(token(), "bytes=10-89999")), sample.file.substr(10, 89'990));
  auto beyond = ask(token(), "bytes=" + std::to_string(size) + "-");
  EXPECT_EQ(beyond.status, 416u);
  EXPECT_EQ(value_of(beyond, "Content-Range"), "bytes */" + std::to_string(size));
  ends();
  EXPECT_EQ(body_of(std::move(from)), sample.file.substr(50'000));
}

TEST_F(PeerRoutesTest, WhenTheDownloadIsOverThereIsNothingMore) {
  begins();
  auto was = token();
  ends();
  EXPECT_EQ(ask(was).status, 404u);
  EXPECT_EQ(ask(was, "bytes=5-").status, 404u);
}

TEST_F(PeerRoutesTest, WhatBreaksOffHereEndsCleanlyForNobody) {
  begins();
  auto answer = ask(token());
  ASSERT_EQ(answer.status, 200u);
  auto spool = a.downloads->find(url);
  ASSERT_TRUE(spool);
  spool->fail(Error(ErrorKind::corrupt, "wrong bytes"));
  EXPECT_EQ(body_of(std::move(answer)), "error");
  gate->open();
  EXPECT_TRUE(reader.get().error);
}

}  // namespace
}  // namespace ncps::server
