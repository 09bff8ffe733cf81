#include "http/h2_session.h"

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "http/client_name.h"
#include "http/h2_head.h"
#include "http/linger.h"
#include "rt/open_file_source.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using TimePoint = Connection::TimePoint;

namespace {

constexpr std::size_t kReceive = 16ul * 1024;
constexpr std::size_t kSend = 64ul * 1024;
constexpr auto kLinger = 2s;    // for the rest of a body that nobody wants
constexpr auto kPongTime = 1s;  // then a client that answers no PING is told the end all the same

h2::Limits limits_of(const ServerOptions& options) {
  h2::Limits limits;
  limits.streams = static_cast<std::uint32_t>(options.max_streams);
  limits.head_bytes = static_cast<std::uint32_t>(options.max_head_bytes);
  return limits;
}

}  // namespace

H2Session::H2Session(SessionLoop& loop, Connection& connection, const Caller& caller,
                     std::span<const std::string> certificate)
    : loop_(loop),
      connection_(connection),
      caller_(caller),
      certificate_(certificate),
      machine_(*this, limits_of(loop.context.options)),
      intake_(machine_),
      output_(connection.executor()),
      idle_until_(coarse_now() + options().idle_timeout),
      settle_until_(coarse_now() + options().head_timeout) {}

H2Session::~H2Session() = default;

asio::awaitable<void> H2Session::run(std::string received) {
  connection_.receive_until(TimePoint::max());
  tasks_.spawn(connection_.executor(), "http/2 writer", write());
  if (loop_.draining()) drain();
  try {
    co_await read(received);
  } catch (const std::bad_alloc&) {  // nothing may escape before tasks_ is joined
    connection_.abort();
  }
  over_ = true;
  // What the kernel still has for a client that has left cleanly may go; nothing else is complete.
  bool unfinished = !clean_ && !streams_.empty();
  for (auto& [id, stream] : streams_) stream->lose();
  if (unfinished) connection_.abort();
  output_.ring();
  if (clean_) co_await linger(connection_);
  connection_.close();
  co_await tasks_.join(Deadline::never());
}

asio::awaitable<void> H2Session::read(std::string_view received) {
  if (!take_in(received)) co_return connection_.abort();
  auto buffer = std::make_unique_for_overwrite<char[]>(kReceive);
  while (!over_) {
    auto size = co_await connection_.receive({buffer.get(), kReceive});
    if (size == 0 || over_) co_return;
    if (!take_in({buffer.get(), size})) co_return connection_.abort();
  }
}

// False: nothing more can be said to this client.
bool H2Session::take_in(std::string_view bytes) {
  bool good = machine_.receive(bytes, coarse_now());
  for (auto id : std::exchange(complete_, {})) {
    auto& stream = *find(id);
    if (stream.is_closed()) {  // taken back at once
      forget(stream);
    } else {
      tasks_.spawn(connection_.executor(), "http/2 request", serve(stream));
    }
  }
  if (!writing_) tell_closed();
  output_.ring();
  if (!good) log::debug("a client of HTTP/2 was cut off", {{"from", caller_.name}});
  return good;
}

asio::awaitable<void> H2Session::write() {
  try {
    co_await write_out();
  } catch (const std::bad_alloc&) {  // the reader shall hear of it
    writing_ = false;
  }
  if (!clean_) connection_.abort();
  over_ = true;
  connection_.interrupt();
}

asio::awaitable<void> H2Session::write_out() {
  h2::Output out;
  while (!over_) {
    out.clear();
    writing_ = true;
    if (!machine_.fill(out, kSend)) break;
    if (out.empty()) {
      writing_ = false;
      tell_closed();
      clean_ = machine_.finished();
      if (clean_) break;
      out.release();
      co_await output_.wait();
      continue;
    }
    std::array parts{part(out.text())};
    if (!co_await connection_.send(parts)) break;
    tell_closed();
    // Behind the GOAWAY, not before it: the answer says that the client has seen that.
    if (std::exchange(owes_ping_, false)) machine_.ping();
    if (out.size() >= kSend) co_await asio::post(asio::use_awaitable);  // the others' turn
  }
}

void H2Session::tell_closed() {
  for (auto id : std::exchange(closed_, {}))
    if (auto* stream = find(id)) stream->wake();
}

asio::awaitable<void> H2Session::serve(H2Stream& stream) {
  co_await answer(stream);
  co_await stream.wait_closed();
  forget(stream);
}

asio::awaitable<void> H2Session::answer(H2Stream& stream) {
  if (stream.refusal.status != 0) {
    note_refusal(loop_.context, stream.refusal, caller_.name);
    auto response = text_response(stream.refusal.status, stream.refusal.what);
    co_await send(stream, response, "");
    co_return;
  }
  auto& request = stream.request;
  Exchange exchange(loop_.context, request, "HTTP/2");
  auto response = co_await exchange.call_handler();
  if (stream.body && stream.body->failed())
    response = text_response(408, "the body of the request did not come whole");
  Written written;
  try {
    written = co_await send(stream, response, exchange.shown());
  } catch (const std::exception& e) {
    log::error("a response body threw", {{"request_uri", exchange.shown()}, {"error", e.what()}});
    stream.break_off();
  }
  exchange.end(response, written);
}

asio::awaitable<Written> H2Session::send(H2Stream& stream, Response& response,
                                         std::string_view target) {
  using Content = h2::Machine::Content;
  if (stream.is_closed()) co_return Written{};
  bool head_only = stream.request.method == Method::head;
  H2Head head(response, head_only, loop_.date);
  auto frame = frame_of(response, {.head_only = head_only});
  bool bodiless = head_only || frame.framing == Framing::none;
  auto* source = std::get_if<std::unique_ptr<ByteSource>>(&response.body);
  const auto* text = std::get_if<std::string>(&response.body);
  const auto* prepared = std::get_if<std::shared_ptr<const Prepared>>(&response.body);
  auto* file = std::get_if<PreparedFile>(&response.body);

  std::string_view body = text != nullptr ? *text : std::string_view();
  if (prepared != nullptr) body = (*prepared)->body;
  if (bodiless) body = {};
  if (!bodiless && source != nullptr) {
    machine_.respond(stream.id, head.fields(), Content::pulled);
    co_await stream.send(**source, response.length, target);
  } else if (!bodiless && file != nullptr) {
    OpenFileSource all(std::move(file->owner), file->span);
    machine_.respond(stream.id, head.fields(), Content::pulled);
    co_await stream.send(all, file->span.length, target);
  } else {
    if (!body.empty()) stream.offer_all(body);
    machine_.respond(stream.id, head.fields(), body.empty() ? Content::none : Content::pulled);
    output_.ring();
  }
  co_await stream.wait_sent();
  co_return Written{.complete = stream.is_whole(), .body_bytes = stream.sent()};
}

void H2Session::forget(const H2Stream& stream) {
  heads_ -= stream.request.size();
  auto id = stream.id;  // which goes with it
  streams_.erase(id);
  if (streams_.empty()) idle_until_ = coarse_now() + options().idle_timeout;
}

H2Stream* H2Session::find(h2::StreamId id) {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

void H2Session::begin(h2::StreamId id) {
  head_of_ = id;
  head_until_ = coarse_now() + options().head_timeout;
  // Those whose clients have taken them back are among them.
  if (streams_.size() >= options().max_streams || heads_ > kMostHeads)
    return machine_.reset(id, h2::Code::refused_stream);
  H2Stream::Around around{machine_, output_, loop_.context.disk, connection_.executor()};
  streams_.emplace(id, std::make_unique<H2Stream>(around, id));
}

void H2Session::field(h2::StreamId id, h2::Field field) {
  auto* stream = find(id);
  if (stream == nullptr) return;
  auto before = stream->request.size();
  stream->request.add(field.name, field.value, options().max_head_bytes);
  heads_ += stream->request.size() - before;
}

void H2Session::head_complete(h2::StreamId id, Body body) {
  head_until_ = TimePoint::max();
  auto* stream = find(id);
  if (stream == nullptr) return;
  stream->has_head = true;
  auto& request = stream->request;
  H2Request::Limits limits{options().max_head_bytes, options().max_target_bytes};
  stream->refusal = request.judge(limits, body == Body::follows);
  request.certificate = certificate_;
  auto own = connection_.is_tls() ? Scheme::https : Scheme::http;
  auto asked = asked_by(caller_, own, options().proxies, request);
  request.scheme = asked.scheme;
  stream->client = std::move(asked.client).value_or(caller_.name);
  request.client = stream->client;
  if (stream->refusal.status == 0 && request.has_body) {
    H2Body::Rules rules{request.expects_continue, options().body_timeout, options().body_rate};
    stream->body =
        std::make_unique<H2Body>(machine_, intake_, output_, connection_.executor(), id, rules);
    request.body = stream->body.get();
  }
  complete_.push_back(id);
}

void H2Session::data(h2::StreamId id, std::string_view bytes) {
  auto* stream = find(id);
  if (stream != nullptr && stream->body && !stream->is_whole()) return stream->body->came(bytes);
  machine_.consumed(id, bytes.size());  // nobody's: of a request that was refused, or is answered
  machine_.consumed_connection(bytes.size());
}

void H2Session::data_end(h2::StreamId id) {
  auto* stream = find(id);
  if (stream != nullptr && stream->body) stream->body->end();
}

void H2Session::sent_whole(h2::StreamId id) {
  auto* stream = find(id);
  if (stream == nullptr) return;
  stream->sent_whole();
  closed_.push_back(id);
}

void H2Session::closed(h2::StreamId id) {
  // A head that the machine has refused is never complete.
  if (id == head_of_) head_until_ = TimePoint::max();
  auto* stream = find(id);
  if (stream == nullptr) return;
  stream->close();
  if (!stream->has_head) return forget(*stream);  // refused by the machine: nobody knows of it
  closed_.push_back(id);
}

h2::Pulled H2Session::pull(h2::StreamId id, std::span<char> to) {
  auto* stream = find(id);
  return stream == nullptr ? h2::Pulled{.state = h2::Pulled::State::broken} : stream->pull(to);
}

void H2Session::pong() {
  if (draining_ && end_at_ != TimePoint::max()) machine_.end();
  end_at_ = TimePoint::max();
}

void H2Session::drain() {
  if (std::exchange(draining_, true)) return;
  machine_.announce_end();
  owes_ping_ = true;
  end_at_ = coarse_now() + kPongTime;
  output_.ring();
}

void H2Session::check_deadline(TimePoint now) {
  connection_.check_deadline(now);
  if (over_) return;
  if (now >= end_at_) pong();
  if (now >= settle_until_) machine_.terminate(h2::Code::settings_timeout);
  if (now >= head_until_) machine_.terminate(h2::Code::enhance_your_calm);
  if (streams_.empty() && now >= idle_until_) drain();
  for (auto& [id, stream] : streams_) {
    // RFC 9113 section 8.1. Not at once: curl would take that for a failure of its upload.
    if (stream->lingers_since(now - kLinger)) machine_.reset(id, h2::Code::no_error);
    if (stream->waits_since(now - options().write_timeout) && machine_.is_stalled(id))
      machine_.reset(id, h2::Code::cancel);
  }
  output_.ring();
}

}  // namespace ncps::http
