#include "telemetry/otlp/messages.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <otlp.pb.h>

#include <cmath>
#include <limits>

#include "telemetry/otlp/delivery.h"
#include "telemetry/otlp/writers.h"

namespace ncps::otlp {
namespace {

const Speaker kSpeaker{.resource = {{"service.name", "ncps"}, {"process.pid", 42}},
                       .version = "1.2"};

template <class Message, class Items>
Message decoded(const Items& items) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(request(Form::protobuf, kSpeaker, items)));
  return message;
}

Spans one_span() {
  auto span = std::make_unique<trace::SpanData>();
  span->context =
      *trace::parse_context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "congo=1");
  span->parent = {1, 2, 3, 4, 5, 6, 7, 8};
  span->name = "GET /nar/{name}";
  span->kind = trace::Kind::server;
  span->start_ns = 1'700'000'000'000'000'000;
  span->end_ns = span->start_ns + 5;
  span->attributes = {{"text", "gr\xc3\xbc\xff"},
                      {"number", -5},
                      {"half", 0.5},
                      {"yes", true},
                      {"no", false},
                      {"none", 0},
                      {"empty", ""}};
  span->failed = true;
  span->failure = "it \"broke\"\n";
  Spans spans;
  spans.push_back(std::move(span));
  return spans;
}

TEST(OtlpMessages, ASpanIsWhatACollectorMakesOfIt) {
  auto message = decoded<wire::TraceRequest>(one_span());
  ASSERT_EQ(message.resource_spans_size(), 1);
  const auto& resource = message.resource_spans(0);
  EXPECT_EQ(resource.resource().attributes(0).key(), "service.name");
  EXPECT_EQ(resource.resource().attributes(1).value().int_value(), 42);
  ASSERT_EQ(resource.scope_spans_size(), 1);
  EXPECT_EQ(resource.scope_spans(0).scope().name(), "ncps");
  EXPECT_EQ(resource.scope_spans(0).scope().version(), "1.2");
  ASSERT_EQ(resource.scope_spans(0).spans_size(), 1);
  const auto& span = resource.scope_spans(0).spans(0);
  EXPECT_EQ(span.trace_id(), "\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c");
  EXPECT_EQ(span.span_id(), "\xb7\xad\x6b\x71\x69\x20\x33\x31");
  EXPECT_EQ(span.parent_span_id(), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(span.trace_state(), "congo=1");
  EXPECT_EQ(span.name(), "GET /nar/{name}");
  EXPECT_EQ(span.kind(), 2);
  EXPECT_EQ(span.start_time_unix_nano(), 1'700'000'000'000'000'000u);
  EXPECT_EQ(span.end_time_unix_nano(), 1'700'000'000'000'000'005u);
  EXPECT_EQ(span.status().code(), 2);
  EXPECT_EQ(span.status().message(), "it \"broke\"\n");
  EXPECT_EQ(span.flags(), 1u);
  ASSERT_EQ(span.attributes_size(), 7);
  EXPECT_EQ(span.attributes(0).value().string_value(), "gr\xc3\xbc\xef\xbf\xbd");  // always UTF-8
  EXPECT_EQ(span.attributes(1).value().int_value(), -5);
  EXPECT_EQ(span.attributes(2).value().double_value(), 0.5);
  EXPECT_TRUE(span.attributes(3).value().bool_value());
  EXPECT_EQ(span.attributes(4).value().value_case(), wire::AnyValue::kBoolValue);
  EXPECT_EQ(span.attributes(5).value().value_case(), wire::AnyValue::kIntValue);
  EXPECT_EQ(span.attributes(6).value().value_case(), wire::AnyValue::kStringValue);
}

TEST(OtlpMessages, TheFirstSpanOfATraceHasNoParentAndAGoodOneNoStatus) {
  auto spans = one_span();
  spans[0]->parent = {};
  spans[0]->failed = false;
  spans[0]->context.state = nullptr;
  auto message = decoded<wire::TraceRequest>(spans);
  const auto& span = message.resource_spans(0).scope_spans(0).spans(0);
  EXPECT_TRUE(span.parent_span_id().empty());
  EXPECT_FALSE(span.has_status());
  EXPECT_TRUE(span.trace_state().empty());
}

TEST(OtlpMessages, ALineOfTheLog) {
  telemetry::LogRecord record{
      .time_ns = 5, .level = log::Level::warn, .message = "handled request"};
  record.attributes = {{"status", 404}};
  telemetry::LogRecord inside = record;
  inside.level = log::Level::panic;
  inside.context = one_span()[0]->context;
  auto message = decoded<wire::LogsRequest>(Logs{record, inside});
  const auto& lines = message.resource_logs(0).scope_logs(0).log_records();
  ASSERT_EQ(lines.size(), 2);
  EXPECT_EQ(lines[0].time_unix_nano(), 5u);
  EXPECT_EQ(lines[0].observed_time_unix_nano(), 5u);
  EXPECT_EQ(lines[0].severity_number(), 13);
  EXPECT_EQ(lines[0].severity_text(), "warn");
  EXPECT_EQ(lines[0].body().string_value(), "handled request");
  EXPECT_EQ(lines[0].attributes(0).value().int_value(), 404);
  EXPECT_TRUE(lines[0].trace_id().empty());
  EXPECT_EQ(lines[1].severity_number(), 22);
  EXPECT_EQ(lines[1].span_id(), "\xb7\xad\x6b\x71\x69\x20\x33\x31");
  EXPECT_EQ(lines[1].trace_id().size(), 16u);
  EXPECT_EQ(lines[1].flags(), 1u);
}

TEST(OtlpMessages, MetricsOfEachType) {
  metrics::Registry registry;
  registry.counter({"c_total", "Counted"}, {{"result", "hit"}}).add(7);
  registry.gauge({"g", "Up and down"}).add(-3);
  auto h = registry.histogram({"h_seconds", "How long"}, {0.1, 1});
  for (double x : {0.05, 0.1, 0.5, 3.0, 4.0}) h.observe(x);
  auto half = registry.ask({"ratio", "A part"}, metrics::Type::gauge, [] { return 0.25; });
  Picture picture{.families = registry.picture(), .start_ns = 1, .time_ns = 2};
  auto message = decoded<wire::MetricsRequest>(picture);
  const auto& all = message.resource_metrics(0).scope_metrics(0).metrics();
  ASSERT_EQ(all.size(), 4);
  const auto& counter = all[0];
  EXPECT_EQ(counter.name(), "c_total");
  EXPECT_EQ(counter.description(), "Counted");
  EXPECT_EQ(counter.sum().aggregation_temporality(), 2);
  EXPECT_TRUE(counter.sum().is_monotonic());
  EXPECT_EQ(counter.sum().data_points(0).as_int(), 7);
  EXPECT_EQ(counter.sum().data_points(0).start_time_unix_nano(), 1u);
  EXPECT_EQ(counter.sum().data_points(0).time_unix_nano(), 2u);
  EXPECT_EQ(counter.sum().data_points(0).attributes(0).value().string_value(), "hit");
  EXPECT_EQ(all[1].gauge().data_points(0).as_int(), -3);
  EXPECT_EQ(all[1].gauge().data_points(0).start_time_unix_nano(), 0u);
  const auto& point = all[2].histogram().data_points(0);
  EXPECT_EQ(all[2].histogram().aggregation_temporality(), 2);
  EXPECT_EQ(point.count(), 5u);
  EXPECT_NEAR(point.sum(), 7.65, 1e-9);
  EXPECT_EQ(std::vector(point.bucket_counts().begin(), point.bucket_counts().end()),
            (std::vector<std::uint64_t>{2, 1, 2}));  // each bound belongs to what is below it
  EXPECT_EQ(std::vector(point.explicit_bounds().begin(), point.explicit_bounds().end()),
            (std::vector<double>{0.1, 1}));
  EXPECT_EQ(all[3].gauge().data_points(0).as_double(), 0.25);
}

// The other form says the same: protobuf's own reader of JSON makes the same message of it. (Not of
// ids: OTLP has them in hex, protobuf in base64.)
TEST(OtlpMessages, JsonSaysTheSameAsTheWire) {
  metrics::Registry registry;
  registry.counter({"c_total", "Counted \"well\""}, {{"a", "1"}, {"b", "2"}}).add(7);
  registry.histogram({"h_seconds", "How long"}, {0.1, 1}).observe(0.3);
  auto big = registry.ask({"big", "x"}, metrics::Type::gauge, [] { return 1e300; });
  auto odd = registry.ask({"odd", "x"}, metrics::Type::gauge,
                          [] { return std::numeric_limits<double>::infinity(); });
  Picture picture{.families = registry.picture(), .start_ns = 1, .time_ns = ~std::uint64_t{0}};
  wire::MetricsRequest from_json;
  auto status = google::protobuf::util::JsonStringToMessage(request(Form::json, kSpeaker, picture),
                                                            &from_json);
  ASSERT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(from_json.SerializeAsString(),
            decoded<wire::MetricsRequest>(picture).SerializeAsString());

  Logs logs(3, {.time_ns = 5, .message = "tab\there, \x01 and \xff"});
  logs[1].attributes = {{"n", std::int64_t{1} << 60}, {"x", -0.25}, {"yes", true}};
  wire::LogsRequest lines;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(request(Form::json, kSpeaker, logs), &lines)
          .ok());
  EXPECT_EQ(lines.SerializeAsString(), decoded<wire::LogsRequest>(logs).SerializeAsString());

  auto text = request(Form::json, kSpeaker, one_span());
  EXPECT_NE(text.find(R"("traceId":"0af7651916cd43dd8448eb211c80319c")"), text.npos) << text;
  EXPECT_NE(text.find(R"("startTimeUnixNano":"1700000000000000000")"), text.npos) << text;
  EXPECT_EQ(text.find('\n'), text.npos);
}

TEST(OtlpMessages, ManyAndLongOnesNestAsShortOnesDo) {
  Spans spans;
  for (int i = 0; i < 300; ++i) {
    spans.push_back(std::move(one_span()[0]));
    spans.back()->name =
        std::string(static_cast<std::size_t>(i) * 10, 'x');  // lengths of 1, 2 bytes
  }
  spans[0]->attributes = {{"long", std::string(3'000'000, 'y')}};  // and of 4
  auto message = decoded<wire::TraceRequest>(spans);
  ASSERT_EQ(message.resource_spans(0).scope_spans(0).spans_size(), 300);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(message.resource_spans(0).scope_spans(0).spans(i).name().size(), i * 10u);
}

TEST(OtlpReply, SaysHowManyWereRefused) {
  wire::Response response;
  EXPECT_EQ(rejected_items(response.SerializeAsString()), 0u);
  response.mutable_partial_success()->set_error_message("a word of warning");
  EXPECT_EQ(rejected_items(response.SerializeAsString()), 0u);
  response.mutable_partial_success()->set_rejected(300);
  auto good = response.SerializeAsString();
  EXPECT_EQ(rejected_items(good), 300u);
  for (std::size_t i = 0; i < good.size(); ++i) EXPECT_LE(rejected_items(good.substr(0, i)), 300u);
  EXPECT_EQ(rejected_items(std::string(100, '\xff')), 0u);
  EXPECT_EQ(rejected_items("\x0a\xff\xff\xff\xff\x0f"), 0u);
}

}  // namespace
}  // namespace ncps::otlp
