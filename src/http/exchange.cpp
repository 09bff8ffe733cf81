#include "http/exchange.h"

#include <array>
#include <exception>
#include <memory>
#include <span>
#include <variant>

#include "telemetry/log.h"
#include "telemetry/log_flood.h"

namespace ncps::http {

namespace asio = boost::asio;

Exchange::Exchange(const ServerContext& server, const Request& request, std::string_view protocol)
    : server_(server), request_(request), protocol_(protocol) {
  server_.options.probe.active.add(1);
  if (!request_.query.empty() || !request_.target.starts_with('/')) {
    shown_ = request_.path;
    if (!request_.query.empty()) shown_ += "?***";
  }
  if (trace::enabled()) begin_span();
}

Exchange::~Exchange() {
  server_.options.probe.active.add(-1);
}

asio::awaitable<Response> Exchange::call_handler() {
  try {
    co_return co_await server_.handler(request_);
  } catch (const std::exception& e) {
    log::error("a handler threw",
               {{"method", request_.method_name}, {"request_uri", shown()}, {"error", e.what()}});
  }
  co_return text_response(500, "internal error");
}

void Exchange::end(const Response& response, const Written& written) {
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun_;
  const auto& probe = server_.options.probe;
  probe.handled(request_.method, status_of(response), written.body_bytes, elapsed.count());
  response.sent.add(written.body_bytes);
  if (!written.complete) probe.broken_off.add();
  if (log::has_room(log::Level::info)) log_end(response, written, elapsed.count());
  if (!span_) return;
  describe(response, written);
  span_.reset();
}

void Exchange::begin_span() {
  auto parent = trace::parse_context(request_.header("traceparent"), request_.header("tracestate"));
  trace::Span::First first{.kind = trace::Kind::server, .parent = parent ? &*parent : nullptr};
  span_.emplace(request_.method_name, first);
}

// Source of the names: OpenTelemetry, "Semantic conventions for HTTP spans".
void Exchange::describe(const Response& response, const Written& written) {
  if (!span_->recorded()) return;
  auto status = status_of(response);
  if (!response.route.empty()) {
    span_->rename(std::string(request_.method_name) + " " + std::string(response.route));
    span_->set("http.route", response.route);
  }
  span_->set("http.request.method", request_.method_name);
  span_->set("http.response.status_code", status);
  span_->set("http.response.body.size", written.body_bytes);
  span_->set("network.protocol.version", protocol_.substr(protocol_.find('/') + 1));
  span_->set("url.path", request_.path);
  span_->set("client.address", request_.client);
  if (auto agent = request_.header("user-agent"); !agent.empty())
    span_->set("user_agent.original", agent);
  if (!response.cache.empty()) span_->set("ncps.cache", response.cache);
  if (!response.upstream.empty()) span_->set("ncps.upstream", response.upstream);
  if (status >= 500) span_->fail("answered " + std::to_string(status));
  if (!written.complete) span_->fail("the client did not get the whole answer");
}

void Exchange::log_end(const Response& response, const Written& written, double seconds) const {
  std::array<log::Field, 10> fields{{{"method", request_.method_name},
                                     {"request_uri", shown()},
                                     {"status", status_of(response)},
                                     {"bytes", written.body_bytes},
                                     {"elapsed", seconds},
                                     {"protocol", protocol_},
                                     {"from", request_.client},
                                     {"cache", response.cache},
                                     {"upstream", response.upstream},
                                     {"complete", false}}};
  std::size_t count = 7;
  if (!response.cache.empty()) fields[count++] = {"cache", response.cache};
  if (!response.upstream.empty()) fields[count++] = {"upstream", response.upstream};
  if (!written.complete) fields[count++] = {"complete", false};
  log::write_if_room(log::Level::info, "handled request", std::span(fields).first(count));
}

void note_refusal(const ServerContext& server, const Refusal& refusal, std::string_view client) {
  log::debug("refused a request",
             {{"status", refusal.status}, {"why", refusal.what}, {"from", client}});
  server.options.probe.handled(Method::other, refusal.status, 0, 0);
}

}  // namespace ncps::http
