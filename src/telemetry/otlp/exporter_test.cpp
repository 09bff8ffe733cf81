#include "telemetry/otlp/exporter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/testing/loopback.h"
#include "base/testing/temp_dir.h"
#include "base/unique_fd.h"
#include "telemetry/otlp/testing/receiver.h"

namespace ncps::otlp {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

std::unique_ptr<trace::SpanData> span(std::string name) {
  auto made = std::make_unique<trace::SpanData>();
  made->context =
      *trace::parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  made->name = std::move(name);
  return made;
}

std::uint64_t number(const metrics::Registry& registry, std::string_view name,
                     std::string_view signal) {
  for (const auto& family : registry.picture())
    for (const auto& sample : family.samples)
      if (family.name.name == name && sample.labels[0].second == signal)
        return static_cast<std::uint64_t>(sample.value);
  return ~std::uint64_t{0};
}

struct OtlpExporter : ::testing::Test {
  metrics::Registry registry;
  OtlpOptions options;

  OtlpExporter() {
    options.spans.delay = options.logs.delay = 10ms;
    options.metric_interval = 1h;
    options.timeout = 20s;
  }

  std::unique_ptr<Exporter> begin(const std::string& url) {
    options.collector = telemetry::parse_collector_url(url).value();
    Speaker speaker{.resource = {{"service.name", "ncps"}}, .version = "1.2"};
    return std::make_unique<Exporter>(options, speaker, make_deliveries(options, "ncps/1.2"),
                                      registry);
  }
  std::uint64_t sent(std::string_view signal) {
    return number(registry, "ncps_otlp_sent_total", signal);
  }
  std::uint64_t lost(std::string_view signal) {
    return number(registry, "ncps_otlp_lost_total", signal);
  }
};

TEST_F(OtlpExporter, WhatIsPutInArrivesOnceAndTheStopSendsTheRest) {
  testing::Receiver receiver;
  options.headers = {{"authorization", "Bearer of news"}};
  options.spans.queue = options.logs.queue = 10'000;
  options.spans.delay = options.logs.delay = 1h;  // only full batches, before the stop
  auto exporter = begin("http://" + receiver.address());
  registry.counter({"c_total", "Counted"}).add(3);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 300; ++i) {
          EXPECT_TRUE(exporter->spans()->push(span("s")));
          EXPECT_TRUE(exporter->logs()->push({.message = "line"}));
        }
      });
  }
  exporter->stop(Clock::now() + 60s);
  EXPECT_EQ(receiver.spans(1200).size(), 1200u);
  EXPECT_EQ(receiver.lines(1200).size(), 1200u);
  EXPECT_EQ(receiver.metrics(1).at("c_total").sum().data_points(0).as_int(), 3);
  EXPECT_EQ(sent("traces"), 1200u);
  EXPECT_EQ(sent("logs"), 1200u);
  EXPECT_EQ(lost("traces") + lost("logs") + lost("metrics"), 0u);
  auto metadata = receiver.metadata();
  EXPECT_EQ(metadata.find("authorization")->second, "Bearer of news");
  EXPECT_EQ(metadata.find("user-agent")->second, "ncps/1.2");
  EXPECT_EQ(receiver.resource().attributes(0).value().string_value(), "ncps");
}

TEST_F(OtlpExporter, MetricsComeAgainAndAgain) {
  testing::Receiver receiver;
  options.metric_interval = 5ms;
  auto counter = registry.counter({"c_total", "Counted"});
  auto exporter = begin("http://" + receiver.address());
  receiver.metrics(1);
  counter.add(5);
  while (receiver.metrics(1).at("c_total").sum().data_points(0).as_int() != 5)
    std::this_thread::yield();
}

TEST_F(OtlpExporter, ACollectorThatIsAwayIsAskedAgainUntilItIsThere) {
  testing::Receiver receiver;
  receiver.answer(0, 2);
  auto exporter = begin("http://" + receiver.address());
  exporter->spans()->push(span("patient"));
  EXPECT_EQ(receiver.spans(1).size(), 1u);
  EXPECT_EQ(receiver.calls(), 3);
  exporter->stop(Clock::now() + 60s);
  EXPECT_EQ(sent("traces"), 1u);
  EXPECT_EQ(lost("traces"), 0u);
}

TEST_F(OtlpExporter, WhatACollectorRefusesIsNotSentAgain) {
  testing::Receiver receiver;
  for (int code : {3, 7, 8, 12, 13, 16}) {
    receiver.answer(code);
    auto before = receiver.calls();
    auto delivery = make_grpc_delivery(
        Signal::traces,
        {.collector = telemetry::parse_collector_url("http://" + receiver.address()).value()}, "x");
    Spans spans;
    spans.push_back(span("refused"));
    EXPECT_EQ(delivery->deliver(request(Form::protobuf, {}, spans), 1), 0u) << code;
    EXPECT_EQ(receiver.calls(), before + 1) << code;
    receiver.answer(0);
    EXPECT_EQ(delivery->deliver(request(Form::protobuf, {}, spans), 1), 1u) << code;
  }
}

TEST_F(OtlpExporter, WhatACollectorTakesOnlyInPartIsLostInPart) {
  testing::Receiver receiver;
  receiver.reject(2);
  options.spans.delay = 1h;
  auto exporter = begin("http://" + receiver.address());
  for (int i = 0; i < 5; ++i) exporter->spans()->push(span("s"));
  exporter->stop(Clock::now() + 60s);
  EXPECT_EQ(sent("traces"), 3u);
  EXPECT_EQ(lost("traces"), 2u);
}

// Whatever the collector does: who puts something in does not wait, what is lost is counted, and the
// stop comes to its end.
TEST_F(OtlpExporter, WithoutACollectorAllIsLostAndCountedAndNobodyWaits) {
  auto held = ncps::testing::bound_to_loopback();
  auto exporter = begin("http://127.0.0.1:" + std::to_string(held.port));
  for (int i = 0; i < 10'000; ++i) {
    exporter->spans()->push(span("s"));
    exporter->logs()->push({.message = "line"});
  }
  exporter->stop(Clock::now());
  EXPECT_EQ(sent("traces") + sent("logs") + sent("metrics"), 0u);
  EXPECT_EQ(lost("traces"), 10'000u);
  EXPECT_EQ(lost("logs"), 10'000u);
  EXPECT_GT(lost("metrics"), 0u);
}

TEST_F(OtlpExporter, ACollectorThatHangsCostsItsTimeAndNoMore) {
  testing::Receiver receiver;
  receiver.hang();
  options.timeout = 1s;  // enough for one that does not hang
  auto exporter = begin("http://" + receiver.address());
  for (int i = 0; i < 3'000; ++i) exporter->spans()->push(span("s"));
  while (lost("traces") < 3'000u - options.spans.queue) std::this_thread::yield();
  receiver.answer(0);  // and is there again
  exporter->spans()->push(span("afterwards"));
  while (receiver.spans(1).back().name() != "afterwards") {
    exporter->spans()->push(span("afterwards"));
    std::this_thread::yield();
  }
  receiver.hang();
  exporter->spans()->push(span("never"));
  exporter->stop(Clock::now() + 10ms);
  EXPECT_GT(lost("traces"), 0u);
}

// A certificate for 127.0.0.1 that nobody else has signed.
testing::Certificate make_certificate(const std::filesystem::path& folder) {
  auto command =
      "cd '" + folder.string() +
      "' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=collector -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem "
      "2>/dev/null";
  EXPECT_EQ(std::system(command.c_str()), 0);
  auto read = [&](const char* name) {
    std::ostringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  };
  return {.chain = read("cert.pem"), .key = read("key.pem")};
}

TEST_F(OtlpExporter, OverTlsOnlyACollectorThatWeTrustIsSpokenTo) {
  ncps::testing::TempDir folder;
  auto certificate = make_certificate(folder.path());
  testing::Receiver receiver(certificate);
  options.timeout = 5s;
  {
    auto exporter = begin("https://" + receiver.address());  // the system's certificates
    exporter->spans()->push(span("stranger"));
    exporter->stop(Clock::now() + 5s);
    EXPECT_EQ(lost("traces"), 1u);
  }
  options.ca_file = (folder.path() / "cert.pem").string();
  {
    auto exporter = begin(receiver.address());  // no scheme is TLS
    exporter->spans()->push(span("friend"));
    exporter->stop(Clock::now() + 60s);
    EXPECT_EQ(receiver.spans(1).size(), 1u);
  }
  {
    auto port = receiver.address().substr(receiver.address().find(':'));
    auto exporter = begin("https://localhost" + port);  // another name than the certificate's
    exporter->spans()->push(span("namesake"));
    exporter->stop(Clock::now() + 5s);
    EXPECT_EQ(receiver.spans(1).size(), 1u);
  }
  {
    auto exporter = begin("http://" + receiver.address());  // plain words to a TLS server
    exporter->spans()->push(span("plain"));
    exporter->stop(Clock::now() + 200ms);
    EXPECT_EQ(receiver.spans(1).size(), 1u);
  }
  EXPECT_EQ(sent("traces"), 1u);
  EXPECT_EQ(lost("traces"), 3u);
}

TEST_F(OtlpExporter, SslCertFileIsTrustedAsEverywhereElse) {
  ncps::testing::TempDir folder;
  testing::Receiver receiver(make_certificate(folder.path()));
  ::unsetenv("NIX_SSL_CERT_FILE");  // would go before it
  ::setenv("SSL_CERT_FILE", (folder.path() / "cert.pem").c_str(), 1);
  auto exporter = begin("https://" + receiver.address());
  ::unsetenv("SSL_CERT_FILE");
  for (std::size_t i = 1; i <= 3; ++i) {  // one connection carries them
    exporter->spans()->push(span("friend"));
    EXPECT_EQ(receiver.spans(i).size(), i);
  }
  exporter->stop(Clock::now() + 60s);
  EXPECT_EQ(lost("traces"), 0u);
}

struct Pipe {
  UniqueFd out, in;
  Pipe() {
    int both[2];
    EXPECT_EQ(::pipe(both), 0);
    out = UniqueFd(both[0]);
    in = UniqueFd(both[1]);
  }
};

TEST(OtlpLines, EachRequestIsALineOfJson) {
  Pipe pipe;
  auto delivery = make_line_delivery(pipe.in.get());
  Spans spans;
  spans.push_back(span("s"));
  std::string read;
  std::jthread reader([&] {
    char some[4096];
    for (ssize_t n = 0; (n = ::read(pipe.out.get(), some, sizeof some)) > 0;)
      read.append(some, static_cast<std::size_t>(n));
  });
  spans[0]->name = std::string(100'000, 'x');  // more than a pipe holds
  EXPECT_EQ(delivery->deliver(request(Form::json, {}, spans), 1), 1u);
  EXPECT_EQ(delivery->deliver(request(Form::json, {}, Logs(2)), 2), 2u);
  pipe.in.reset();
  reader.join();
  std::istringstream lines(read);
  std::string first, second, none;
  ASSERT_TRUE(std::getline(lines, first) && std::getline(lines, second));
  EXPECT_FALSE(std::getline(lines, none));
  auto json = nlohmann::json::parse(first);
  EXPECT_EQ(json["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["name"].get<std::string>().size(),
            100'000u);
  EXPECT_EQ(nlohmann::json::parse(second)["resourceLogs"][0]["scopeLogs"][0]["logRecords"].size(),
            2u);
}

TEST(OtlpLines, APipeThatNobodyReadsDoesNotKeepUsFromEnding) {
  Pipe pipe;
  auto delivery = make_line_delivery(pipe.in.get());
  std::jthread stopper([&] { delivery->give_up_at(Clock::now()); });
  EXPECT_EQ(delivery->deliver(std::string(10'000'000, 'x'), 7), 0u);
}

TEST(OtlpResource, SaysNothingOfArgumentsOrEnvironment) {
  ::setenv("NCPS_PLANTED_SECRET", "hunter2", 1);
  for (const auto& attribute : describe_process("1.2")) {
    EXPECT_EQ(attribute.key.find("args"), std::string::npos);
    EXPECT_EQ(attribute.key.find("command"), std::string::npos);
    if (const auto* text = std::get_if<std::string>(&attribute.value))
      EXPECT_EQ(text->find("hunter2"), std::string::npos);
  }
}

}  // namespace
}  // namespace ncps::otlp
