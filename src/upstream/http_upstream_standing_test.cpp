#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "fetch/testing/scripted_client.h"
#include "nix/nar_info.h"
#include "rt/testing/run_sync.h"
#include "upstream/http_upstream.h"

namespace ncps::upstream {
namespace {

using namespace std::chrono_literals;
using fetch::testing::answer;
using fetch::testing::ScriptedBody;
using fetch::testing::ScriptedClient;
using ncps::testing::run_sync;

struct HttpUpstreamStanding : ::testing::Test {
  boost::asio::io_context io;
  ScriptedClient client;
  std::unique_ptr<Upstream> upstream = make("https://me:secret@host/p");

  std::unique_ptr<Upstream> make(std::string_view url) {
    return make_http_upstream({.url = UpstreamUrl::parse(url).value(),
                               .timeouts = {},
                               .retry = {.attempts = 4, .first = 0ms, .ceiling = 0ms}},
                              client);
  }
  Result<std::optional<std::string>> narinfo(Deadline deadline = Deadline::after(1min)) {
    auto hash = nix::StorePathHash::parse("26xbg1ndr7hbcncrlf9nhx5is2b25d13").value();
    return run_sync(io, upstream->find_narinfo(hash, deadline));
  }
  Result<std::optional<FileBody>> file(std::string url = "nar/x.nar.xz") {
    return run_sync(io, upstream->open_file(url, 0, fetch::Decode::no, Deadline::after(1min)));
  }
  Result<std::optional<FileHead>> file_head(std::string url = "nar/x.nar.xz") {
    return run_sync(io, upstream->find_file(url, Deadline::after(1min)));
  }
  Result<void> probe(Deadline deadline = Deadline::after(1min)) {
    return run_sync(io, upstream->probe(deadline));
  }
  // A nix-cache-info with that text.
  Result<void> probe(int status, std::string text) {
    client.then(status, std::move(text));
    return probe();
  }
  void go() {
    client.then(fetch::Blame::unreachable);
    EXPECT_FALSE(probe().has_value());
    EXPECT_EQ(upstream->standing(), Standing::doubtful);
    client.asked.clear();
  }
  static fetch::HttpAnswer broken_body() {
    auto out = answer(200);
    std::deque<std::string> pieces{"Store"};
    out.body = std::make_unique<ScriptedBody>(pieces, Error(ErrorKind::upstream, "reset"));
    return out;
  }
};

TEST_F(HttpUpstreamStanding, IsGoodAtFirst) {
  EXPECT_EQ(upstream->standing(), Standing::good);
  EXPECT_EQ(upstream->returns(), 0u);
  EXPECT_EQ(upstream->usual_delay(), 300ms);
  EXPECT_LE(upstream->next_probe(), Deadline::Clock::now());
}

TEST_F(HttpUpstreamStanding, OneThatCannotBeReachedIsDoubtfulAtOnceAndBackWithAnyAnswer) {
  auto before = upstream->next_probe_nearer().version();
  EXPECT_TRUE(probe(404, "").has_value());
  EXPECT_GT(upstream->next_probe(), Deadline::Clock::now() + 40s);
  EXPECT_EQ(upstream->next_probe_nearer().version(), before);
  client.then(fetch::Blame::unreachable);
  client.at_each([&, n = 0]() mutable {
    if (n++ == 1) EXPECT_EQ(upstream->standing(), Standing::trying);
  });
  client.then(200, "text");
  EXPECT_TRUE(narinfo().has_value()) << "who had begun goes on as it may";
  EXPECT_EQ(upstream->standing(), Standing::good);
  EXPECT_EQ(upstream->returns(), 1u);
  EXPECT_NE(upstream->next_probe_nearer().version(), before);
}

TEST_F(HttpUpstreamStanding, ADoubtfulOneIsAskedOnceAndPatiently) {
  go();
  client.then(fetch::Blame::unreachable);
  EXPECT_FALSE(narinfo().has_value());
  client.then(503);
  EXPECT_FALSE(file().has_value());
  client.then(broken_body());
  EXPECT_FALSE(narinfo().has_value());
  client.then(fetch::Blame::broken);
  EXPECT_FALSE(file_head().has_value());
  EXPECT_EQ(client.asked.size(), 4u);
  for (const auto& request : client.asked)
    EXPECT_EQ(request.timeouts.head, 4 * fetch::HttpTimeouts().head);
  EXPECT_EQ(upstream->standing(), Standing::doubtful);
  EXPECT_EQ(upstream->returns(), 0u);
}

TEST_F(HttpUpstreamStanding, WhatItAnswersBringsItBackIfItMakesSense) {
  for (int status : {200, 404, 403, 410, 401, 407, 400, 501, 304}) {
    go();
    auto returns = upstream->returns();
    client.then(status, "text");
    (void)narinfo().has_value();
    EXPECT_EQ(client.asked.size(), 1u) << status;
    EXPECT_EQ(upstream->standing(), Standing::good) << status;
    EXPECT_EQ(upstream->returns(), returns + 1) << status;
  }
}

TEST_F(HttpUpstreamStanding, ErrorsOfAReachedOneCountTogetherWhateverTheyAre) {
  auto retry_after = answer(429);
  retry_after.retry_after = 3600s;
  client.then(std::move(retry_after));
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(upstream->standing(), Standing::good) << "busy is not away";
  client.then(500);
  client.then(fetch::Blame::broken);
  client.then(broken_body());
  client.then(502);
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(upstream->standing(), Standing::doubtful) << "the fifth in a row";
}

TEST_F(HttpUpstreamStanding, ANarinfoThatBreaksIsNoAnswer) {
  go();
  client.then(broken_body());
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(upstream->standing(), Standing::doubtful);
}

TEST_F(HttpUpstreamStanding, AFileCountsFromItsHeadOn) {
  go();
  client.then(broken_body());
  EXPECT_TRUE(file().value().has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
}

TEST_F(HttpUpstreamStanding, WhatIsNobodysFaultChangesNothing) {
  client.then(fetch::Blame::nobody);
  EXPECT_FALSE(narinfo().has_value());
  EXPECT_EQ(client.asked.size(), 1u) << "and is not tried again";
  EXPECT_EQ(upstream->standing(), Standing::good);
  std::size_t asked = 0;
  for (int i = 0; i < 6; ++i) {
    auto dripping = answer(200);
    dripping.body = std::make_unique<fetch::testing::EndlessBody>("n", asked);
    client.then(std::move(dripping));
    EXPECT_FALSE(narinfo(Deadline::after(0s)).has_value());
  }
  EXPECT_EQ(upstream->standing(), Standing::good) << "our caller was in a hurry";
}

TEST_F(HttpUpstreamStanding, WhatIsAskedOfAnotherHostDoesNotCount) {
  for (int i = 0; i < 4; ++i) client.then(fetch::Blame::unreachable);
  EXPECT_FALSE(file("https://cdn.example/nar/x").has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
  go();
  for (auto url : {"https://cdn.example/x", "http://host/x", "https://host:1/x"}) {
    client.then(200);
    EXPECT_TRUE(file(url).has_value());
    EXPECT_EQ(upstream->standing(), Standing::doubtful) << url;
  }
  client.then(200);
  EXPECT_TRUE(file_head("https://HOST/elsewhere").has_value());
  EXPECT_EQ(upstream->standing(), Standing::good) << "its own, though absolute";
}

TEST_F(HttpUpstreamStanding, ItsUsualDelayIsThatOfNarinfosAndTheirAbsence) {
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(upstream->usual_delay(), 300ms) << "with fewer than eight nothing is known";
    client.then(200, "bytes");
    EXPECT_TRUE(file().has_value());
    EXPECT_TRUE(probe(200, "").has_value());
    client.then(401);
    EXPECT_FALSE(narinfo().has_value());
    client.then(i % 2 == 0 ? 200 : 404, "text");
    EXPECT_TRUE(narinfo().has_value());
  }
  EXPECT_NE(upstream->usual_delay(), 300ms);
}

struct HttpUpstreamProbes : HttpUpstreamStanding {};

TEST_F(HttpUpstreamProbes, AskForItsCacheInfoOnce) {
  for (auto blame : {fetch::Blame::unreachable, fetch::Blame::broken}) {
    client.then(blame);
    auto probed = probe();
    ASSERT_FALSE(probed.has_value());
    EXPECT_NE(probed.error().what().find("https://host/p"), std::string::npos);
    EXPECT_EQ(probed.error().what().find("secret"), std::string::npos);
  }
  client.then(503);
  EXPECT_FALSE(probe().has_value());
  EXPECT_EQ(client.asked.size(), 3u);
  EXPECT_EQ(client.asked[0].url, "https://me:secret@host/p/nix-cache-info");
}

TEST_F(HttpUpstreamProbes, TellItsPriority) {
  EXPECT_EQ(upstream->priority(), kDefaultPriority);
  const struct {
    int status;
    std::string text;
    int priority;
  } steps[] = {
      {200, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n", 30},
      {404, "", 30},
      {401, "Priority: 1", 30},
      {200, "", 30},
      {200, "<html>not: here</html>", 30},
      {200, std::string((64 << 10) + 1, 'x'), 30},
      {200, "Priority: 20\nFoo: bar\nnonsense\n" + std::string(60 << 10, 'x'), 20},
      {200, "StoreDir: /nix/store\nPriority: high", kDefaultPriority},
      {200, "Priority: -5", -5},
      {200, "StoreDir: /nix/store", kDefaultPriority},
      {500, "Priority: 1", kDefaultPriority},
  };
  for (const auto& step : steps) {
    (void)probe(step.status, step.text).has_value();
    EXPECT_EQ(upstream->priority(), step.priority) << step.status << " " << step.text.substr(0, 60);
    EXPECT_EQ(upstream->standing(), Standing::good);
  }
  EXPECT_EQ(client.left(), 0u);
}

TEST_F(HttpUpstreamProbes, DoNotOverruleThePriorityOfTheOptions) {
  upstream = make("https://host?priority=7");
  EXPECT_TRUE(probe(200, "Priority: 30").has_value());
  EXPECT_EQ(upstream->priority(), 7);
}

TEST_F(HttpUpstreamProbes, BringItBackWhateverSensibleItSays) {
  for (auto text : {"Priority: 30", "", "garbage\n\n:::", "StoreDir: /nix/store"}) {
    go();
    EXPECT_TRUE(probe(200, text).has_value());
    EXPECT_EQ(upstream->standing(), Standing::good) << text;
  }
  go();
  EXPECT_TRUE(probe(404, "").has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
  go();
  EXPECT_TRUE(probe(200, std::string(1 << 20, 'x')).has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
  go();
  EXPECT_FALSE(probe(401, "").has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
}

TEST_F(HttpUpstreamProbes, OneThatGetsNoAnswerInItsTimeSaysThatItIsAway) {
  client.then(Error(ErrorKind::timeout, "no answer before the deadline"), fetch::Blame::nobody);
  EXPECT_FALSE(probe(Deadline::after(0s)).has_value());
  EXPECT_EQ(upstream->standing(), Standing::doubtful);
}

TEST_F(HttpUpstreamProbes, OneThatIsCutOffByOurStopSaysNothing) {
  client.then(fetch::Blame::nobody);
  EXPECT_FALSE(probe().has_value());
  EXPECT_EQ(upstream->standing(), Standing::good);
}

TEST_F(HttpUpstreamProbes, AnotherStoreDirIsRefusedUntilAProbeSaysOtherwise) {
  const struct {
    int status;
    const char* text;
    Standing standing;
  } steps[] = {
      {200, "StoreDir: /gnu/store\nPriority: 10", Standing::refused},
      {404, "", Standing::refused},
      {200, "<html>a portal</html>", Standing::refused},
      {503, "", Standing::refused},
      {200, "StoreDir: /other/store", Standing::refused},
      {200, "StoreDir: /nix/store/", Standing::good},
      {200, "StoreDir: /nix/stores", Standing::refused},
      {200, "WantMassQuery: 1", Standing::good},
      {200, "StoreDir: /", Standing::refused},
      {200, "StoreDir:", Standing::refused},  // says nothing
      {200, "StoreDir: /nix/store", Standing::good},
  };
  for (const auto& step : steps) {
    (void)probe(step.status, step.text).has_value();
    EXPECT_EQ(upstream->standing(), step.standing) << step.text;
  }
  EXPECT_EQ(upstream->returns(), 3u);
  std::shared_ptr<Upstream> shared = std::move(upstream);
  EXPECT_EQ(in_order({shared}).size(), 1u);
}

}  // namespace
}  // namespace ncps::upstream
