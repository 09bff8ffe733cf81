#include "http/session.h"

#include <array>
#include <exception>
#include <optional>
#include <span>
#include <utility>

#include "http/response_writer.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// After our last byte a client gets so long, and may send so much, before the connection is closed
// for good: closing while it still sends would take from it the answer it has not read yet.
constexpr auto kLingerTime = 2s;
constexpr std::size_t kLingerBytes = 1024ul * 1024;

// A method and a version need no more than this beside the target.
constexpr std::size_t kAroundTarget = 64;

// One request more is being answered, for as long as it lives.
class Active {
 public:
  explicit Active(const metrics::Gauge& gauge) : gauge_(gauge) { gauge_.add(1); }
  ~Active() { gauge_.add(-1); }
  Active(const Active&) = delete;
  Active& operator=(const Active&) = delete;

 private:
  const metrics::Gauge& gauge_;
};

unsigned status_of(const Response& response) {
  if (const auto* prepared = std::get_if<std::shared_ptr<const Prepared>>(&response.body))
    return (*prepared)->status;
  return response.status;
}

}  // namespace

Session::Session(SessionLoop& loop, Connection::Socket socket)
    : loop_(loop),
      connection_(std::move(socket), loop.context.disk, loop.context.options.write_timeout),
      client_(connection_.client_address()) {
  loop_.add(*this);
}

Session::~Session() {
  connection_.close();
  loop_.remove(*this);
  loop_.context.connections.fetch_sub(1);
}

void Session::drain() noexcept {
  if (idle_) connection_.interrupt();
}

asio::awaitable<void> Session::run() {
  if (co_await secure() == Next::stop) co_return;
  for (;;) {
    if (co_await read_request() == Next::stop) break;
    if (co_await answer() == Next::stop) break;
  }
}

// TLS, where there is to be.
asio::awaitable<Session::Next> Session::secure() {
  auto context = *loop_.context.tls.now();
  if (!context) co_return Next::go_on;
  connection_.receive_until(coarse_now() + options().head_timeout);
  auto failure = co_await connection_.shake_hands(std::move(context));
  if (!failure) {
    certificate_ = connection_.certificate_names();
    fresh_ = true;
    co_return Next::go_on;
  }
  options().probe.refused_tls(*failure);
  if (*failure == TlsFailure::plain_http) {
    log::warn("plain HTTP came to a port that speaks TLS", {{"from", client_}});
    co_await refuse({400, "this port speaks TLS: ask with https://"});
  } else if (*failure != TlsFailure::gone && *failure != TlsFailure::timeout) {
    co_await linger();  // so that TLS's own word for it arrives
  }
  co_return Next::stop;
}

asio::awaitable<Session::Next> Session::read_request() {
  if (!buffer_.text().empty()) connection_.receive_until(coarse_now() + options().head_timeout);
  for (;;) {
    auto state = scanner_.scan(buffer_.text());
    // One empty line (or more) in front of a request is ignored: RFC 9112 section 2.2.
    if (state == HeadScanner::State::complete && scanner_.size() == 2) {
      buffer_.consume(2);
      scanner_.reset();
      continue;
    }
    auto refusal = judge(state);
    if (refusal.status != 0) {
      co_await refuse(refusal);
      co_return Next::stop;
    }
    if (state == HeadScanner::State::complete) co_return Next::go_on;
    if (!co_await receive_more()) break;
  }
  bool half_a_head = !buffer_.text().empty();
  if (half_a_head && connection_.timed_out())
    co_await refuse({408, "the request took too long to arrive"});
  co_return Next::stop;
}

// What is wrong with the head so far. Reads it into request_ if it is complete.
Refusal Session::judge(HeadScanner::State state) {
  auto text = buffer_.text();
  if (state == HeadScanner::State::malformed) return {400, "malformed request"};
  auto line = scanner_.first_line() != 0 ? scanner_.first_line() : text.size();
  if (line > options().max_target_bytes + kAroundTarget)
    return {414, "the request target is too long"};
  auto size = state == HeadScanner::State::complete ? scanner_.size() : text.size();
  if (size > options().max_head_bytes ||
      (state == HeadScanner::State::incomplete && size == options().max_head_bytes))
    return {431, "the request's headers are too large"};
  if (state == HeadScanner::State::incomplete) return {};
  request_.client = client_;
  request_.certificate = certificate_;
  return read_head(text.substr(0, size), options().max_target_bytes, request_);
}

// False: nothing more comes, or we shall not wait for it.
asio::awaitable<bool> Session::receive_more() {
  bool first_byte = buffer_.text().empty();
  auto room = buffer_.room(options().max_head_bytes);
  std::size_t size = 0;
  if (!first_byte) {
    size = co_await connection_.receive(room);
  } else {
    // Who came before draining began, and had to shake hands first, is given a moment.
    if (!loop_.draining() || fresh_) {
      connection_.receive_until(coarse_now() +
                                (loop_.draining() ? kLingerTime : options().idle_timeout));
      idle_ = true;
      size = co_await connection_.receive(room);
      idle_ = fresh_ = false;
    }
    // A request that is there already when draining begins is still answered.
    if (size == 0 && loop_.draining()) size = connection_.receive_now(room);
    connection_.receive_until(coarse_now() + options().head_timeout);
  }
  buffer_.received(size);
  co_return size > 0;
}

asio::awaitable<Session::Next> Session::answer() {
  connection_.receive_until(Connection::TimePoint::max());  // the handler takes its time
  auto begun = std::chrono::steady_clock::now();
  Active active(options().probe.active);
  hide_what_may_be_secret();
  std::optional<trace::Span> span;  // until the answer has been sent
  if (trace::enabled()) begin(span);
  if (request_.has_body) {
    auto arrived = buffer_.text().substr(scanner_.size());
    body_ = std::make_unique<RequestBody>(connection_, request_, arrived, options().body_timeout,
                                          options().body_rate);
    request_.body = body_.get();
  }

  auto response = co_await call_handler();

  auto fate = body_ ? body_->fate() : RequestBody::Fate::whole;
  if (fate == RequestBody::Fate::gone) {
    connection_.abort();
    count(response, {}, begun);
    if (span) describe(*span, response, {});
    co_return Next::stop;
  }
  if (fate == RequestBody::Fate::failed)
    response = text_response(body_->failed_status(), "the body of the request did not come whole");
  bool in_step = fate == RequestBody::Fate::whole || fate == RequestBody::Fate::drainable;
  Reply reply{.head_only = request_.method == Method::head,
              .http_1_0 = request_.http_1_0,
              .close = !request_.keep_alive || !in_step || loop_.draining()};
  Written written;
  try {
    written = co_await write_response(connection_, loop_.date, reply, response, shown());
  } catch (const std::exception& e) {
    log::error("a response body threw", {{"request_uri", shown()}, {"error", e.what()}});
    connection_.abort();
  }
  count(response, written, begun);
  if (span) describe(*span, response, written);
  span.reset();
  co_return co_await go_on(written);
}

void Session::begin(std::optional<trace::Span>& span) const {
  auto parent = trace::parse_context(request_.header("traceparent"), request_.header("tracestate"));
  trace::Span::First first{.kind = trace::Kind::server, .parent = parent ? &*parent : nullptr};
  span.emplace(request_.method_name, first);
}

// Source of the names: OpenTelemetry, "Semantic conventions for HTTP spans".
void Session::describe(trace::Span& span, const Response& response, const Written& written) const {
  if (!span.recorded()) return;
  auto status = status_of(response);
  if (!response.route.empty()) {
    span.rename(std::string(request_.method_name) + " " + std::string(response.route));
    span.set("http.route", response.route);
  }
  span.set("http.request.method", request_.method_name);
  span.set("http.response.status_code", status);
  span.set("http.response.body.size", written.body_bytes);
  span.set("url.path", request_.path);
  span.set("client.address", client_);
  if (auto agent = request_.header("user-agent"); !agent.empty())
    span.set("user_agent.original", agent);
  if (!response.cache.empty()) span.set("ncps.cache", response.cache);
  if (!response.upstream.empty()) span.set("ncps.upstream", response.upstream);
  if (status >= 500) span.fail("answered " + std::to_string(status));
  if (!written.complete) span.fail("the client did not get the whole answer");
}

// To the next request, if the connection is in a state for one.
asio::awaitable<Session::Next> Session::go_on(const Written& written) {
  if (!written.complete) co_return Next::stop;
  bool drained = written.close || !body_ || co_await body_->drain();
  if (written.close || !drained) {
    co_await linger();
    co_return Next::stop;
  }
  buffer_.consume(scanner_.size() + (body_ ? body_->taken() : 0));
  scanner_.reset();
  if (body_ && !body_->surplus().empty()) buffer_.put(body_->surplus());
  body_.reset();
  co_return Next::go_on;
}

asio::awaitable<Response> Session::call_handler() {
  try {
    co_return co_await loop_.context.handler(request_);
  } catch (const std::exception& e) {
    log::error("a handler threw",
               {{"method", request_.method_name}, {"request_uri", shown()}, {"error", e.what()}});
  }
  co_return text_response(500, "internal error");
}

asio::awaitable<void> Session::refuse(Refusal refusal) {
  log::debug("refused a request",
             {{"status", refusal.status}, {"why", refusal.what}, {"from", client_}});
  options().probe.handled(Method::other, refusal.status, 0, 0);
  auto response = text_response(refusal.status, refusal.what);
  Reply reply{.close = true};
  auto written = co_await write_response(connection_, loop_.date, reply, response, "");
  if (written.complete) co_await linger();
}

asio::awaitable<void> Session::linger() {
  connection_.shutdown_send();
  connection_.receive_until(coarse_now() + kLingerTime);
  std::size_t discarded = 0;
  while (discarded < kLingerBytes) {
    std::array<char, 4096> bin;
    auto size = co_await connection_.receive(bin);
    if (size == 0) break;
    discarded += size;
  }
}

void Session::count(const Response& response, const Written& written,
                    std::chrono::steady_clock::time_point begin) const {
  std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const auto& probe = options().probe;
  auto status = status_of(response);
  probe.handled(request_.method, status, written.body_bytes, elapsed.count());
  response.sent.add(written.body_bytes);
  if (!written.complete) probe.broken_off.add();
  if (log::enabled(log::Level::info)) log_request(response, status, written, elapsed.count());
}

// A query may hold a token, and the absolute form of a target a password.
void Session::hide_what_may_be_secret() {
  shown_.clear();
  if (request_.query.empty() && request_.target.starts_with('/')) return;
  shown_ = request_.path;
  if (!request_.query.empty()) shown_ += "?***";
}

void Session::log_request(const Response& response, unsigned status, const Written& written,
                          double seconds) const {
  std::array<log::Field, 9> fields{{{"method", request_.method_name},
                                    {"request_uri", shown()},
                                    {"status", status},
                                    {"bytes", written.body_bytes},
                                    {"elapsed", seconds},
                                    {"from", client_},
                                    {"cache", response.cache},
                                    {"upstream", response.upstream},
                                    {"complete", false}}};
  std::size_t count = 6;
  if (!response.cache.empty()) fields[count++] = {"cache", response.cache};
  if (!response.upstream.empty()) fields[count++] = {"upstream", response.upstream};
  if (!written.complete) fields[count++] = {"complete", false};
  log::write(log::Level::info, "handled request", std::span(fields).first(count));
}

}  // namespace ncps::http
