#include "http/session.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "http/client_name.h"
#include "http/exchange.h"
#include "http/h2_session.h"
#include "http/linger.h"
#include "http/response_writer.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

// A method and a version need no more than this beside the target.
constexpr std::size_t kAroundTarget = 64;

// So long a client that has just shaken hands may take for its request, though we are leaving.
constexpr auto kFreshTime = 2s;

}  // namespace

Session::Session(SessionLoop& loop, Connection::Socket socket, Caller caller)
    : loop_(loop),
      connection_(std::move(socket), loop.context.disk, loop.context.file_sends,
                  loop.context.options.write_timeout),
      caller_(std::move(caller)) {
  loop_.add(*this);
}

Session::~Session() {
  connection_.close();
  loop_.remove(*this);
  loop_.context.connections.fetch_sub(1);
}

void Session::check_deadline(Connection::TimePoint now) noexcept {
  if (http2_) return http2_->check_deadline(now);
  connection_.check_deadline(now);
}

void Session::drain() noexcept {
  if (http2_) return http2_->drain();
  if (fresh_) return connection_.receive_before(coarse_now() + kFreshTime);
  if (idle_) connection_.interrupt();
}

asio::awaitable<void> Session::run() {
  if (co_await secure() == Next::stop) co_return;
  for (;;) {
    auto next = co_await read_request();
    if (next == Next::http2) co_return co_await speak_http2();
    if (next == Next::stop) break;
    if (co_await answer() == Next::stop) break;
  }
}

// TLS, where there is to be.
asio::awaitable<Session::Next> Session::secure() {
  auto context = *loop_.context.tls.now();
  if (!context) co_return Next::go_on;
  connection_.receive_until(coarse_now() +
                            (loop_.draining() ? kFreshTime : options().head_timeout));
  fresh_ = true;
  auto failure = co_await connection_.shake_hands(std::move(context));
  if (!failure) {
    certificate_ = connection_.certificate_names();
    co_return Next::go_on;
  }
  options().probe.refused_tls(*failure);
  if (*failure == TlsFailure::plain_http) {
    log::warn("plain HTTP came to a port that speaks TLS", {{"from", caller_.name}});
    co_await refuse({400, "this port speaks TLS: ask with https://"});
  } else if (*failure != TlsFailure::gone && *failure != TlsFailure::timeout) {
    co_await linger(connection_);  // so that TLS's own word for it arrives
  }
  co_return Next::stop;
}

// Whether the head that is refused as one of HTTP/2.0 is the preface (RFC 9113 section 3.4). The
// path of a request of HTTP/1 does not come here.
bool Session::is_http2() const noexcept {
  return options().http2 && first_ && buffer_.text().starts_with("PRI * HTTP/2.0\r\n\r\n");
}

asio::awaitable<void> Session::speak_http2() {
  std::string received(buffer_.text());
  buffer_.consume(received.size());
  http2_ = std::make_unique<H2Session>(loop_, connection_, caller_, certificate_);
  co_await http2_->run(std::move(received));
}

asio::awaitable<Session::Next> Session::read_request() {
  if (!buffer_.text().empty()) connection_.receive_until(coarse_now() + options().head_timeout);
  for (;;) {
    auto state = scanner_.scan(buffer_.text());
    // One empty line (or more) in front of a request is ignored: RFC 9112 section 2.2.
    if (state == HeadScanner::State::complete && scanner_.size() == 2) {
      buffer_.consume(2);
      first_ = false;
      scanner_.reset();
      continue;
    }
    auto refusal = judge(state);
    if (refusal.status == 505 && is_http2()) co_return Next::http2;
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
  request_.certificate = certificate_;
  auto most = std::min(options().max_target_bytes, options().max_head_bytes);
  auto refusal = read_head(text.substr(0, size), most, request_);
  if (refusal.status == 0) name_client();
  return refusal;
}

void Session::name_client() {
  request_.client = caller_.name;
  auto own = connection_.is_tls() ? Scheme::https : Scheme::http;
  auto asked = asked_by(caller_, own, options().proxies, request_);
  request_.scheme = asked.scheme;
  if (!asked.client) return;
  behind_ = std::move(*asked.client);
  request_.client = behind_;
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
                                (loop_.draining() ? kFreshTime : options().idle_timeout));
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
  Exchange exchange(loop_.context, request_, request_.http_1_0 ? "HTTP/1.0" : "HTTP/1.1");
  if (request_.has_body) {
    auto arrived = buffer_.text().substr(scanner_.size());
    body_ = std::make_unique<RequestBody>(connection_, request_, arrived, options().body_timeout,
                                          options().body_rate);
    request_.body = body_.get();
  }

  auto response = co_await exchange.call_handler();

  auto fate = body_ ? body_->fate() : RequestBody::Fate::whole;
  if (fate == RequestBody::Fate::gone) {
    connection_.abort();
    exchange.end(response, {});
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
    written = co_await write_response(connection_, loop_.date, reply, response, exchange.shown());
  } catch (const std::exception& e) {
    log::error("a response body threw", {{"request_uri", exchange.shown()}, {"error", e.what()}});
    connection_.abort();
  }
  exchange.end(response, written);
  co_return co_await go_on(written);
}

// To the next request, if the connection is in a state for one.
asio::awaitable<Session::Next> Session::go_on(const Written& written) {
  if (!written.complete) co_return Next::stop;
  bool drained = written.close || !body_ || co_await body_->drain();
  if (written.close || !drained) {
    co_await linger(connection_);
    co_return Next::stop;
  }
  first_ = false;
  buffer_.consume(scanner_.size() + (body_ ? body_->taken() : 0));
  scanner_.reset();
  if (body_ && !body_->surplus().empty()) buffer_.put(body_->surplus());
  body_.reset();
  co_return Next::go_on;
}

asio::awaitable<void> Session::refuse(Refusal refusal) {
  note_refusal(loop_.context, refusal, caller_.name);
  auto response = text_response(refusal.status, refusal.what);
  Reply reply{.close = true};
  auto written = co_await write_response(connection_, loop_.date, reply, response, "");
  if (written.complete) co_await linger(connection_);
}

}  // namespace ncps::http
