#include "http/response_writer.h"

#include <array>
#include <cstring>

#include "http/source_writer.h"
#include "http/sure_writer.h"

namespace ncps::http {

namespace asio = boost::asio;

namespace {

// How much of the body, the last of `parts`, the kernel has taken.
std::size_t taken_of(std::string_view body, std::span<const iovec> parts) noexcept {
  return body.size() - parts.back().iov_len;
}

// How a prepared head ends. Copied, because the cached date changes under us if the client makes us wait.
class HeadTail {
 public:
  HeadTail(DateLine& date, Reply reply) {
    add(date.text());
    add(connection_line(reply.connection_header()));
    add("\r\n");
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  void add(std::string_view more) noexcept {
    std::memcpy(text_.data() + size_, more.data(), more.size());
    size_ += more.size();
  }
  std::array<char, 80> text_;
  std::size_t size_ = 0;
};

// The hot path: one sendmsg from three strings that exist already, and no allocation.
asio::awaitable<Written> write_prepared(Connection& connection, DateLine& date, Reply reply,
                                        const Prepared& prepared) {
  HeadTail tail(date, reply);
  std::string_view body = reply.head_only ? std::string_view() : std::string_view(prepared.body);
  std::array parts{part(prepared.head), part(tail.text()), part(body)};
  std::span<iovec> rest(parts);
  auto sent = connection.send_now(rest);
  bool complete = sent == Connection::Sent::all;
  if (sent == Connection::Sent::partly) complete = co_await connection.send(rest);
  if (!complete) connection.abort();
  co_return Written{
      .complete = complete, .close = reply.close, .body_bytes = taken_of(body, parts)};
}

// The hot path of files: a sendmsg and a sendfile, and no allocation, if the client takes it at once.
asio::awaitable<Written> write_prepared_file(Connection& connection, DateLine& date, Reply reply,
                                             const PreparedFile& file, std::string_view target) {
  HeadTail tail(date, reply);
  Written written{.close = reply.close};
  std::array parts{part(file.head->head), part(tail.text())};
  std::span<iovec> rest(parts);
  auto span = file.span;
  if (reply.head_only) span.length = 0;
  auto more = span.length > 0 ? More::yes : More::no;
  auto sent = connection.send_now(rest, more);
  bool complete = sent == Connection::Sent::all;
  if (sent == Connection::Sent::partly) complete = co_await connection.send(rest, more);
  if (complete) connection.send_file_now(span, written.body_bytes);
  if (complete && span.length > 0) {
    auto all = co_await connection.send_file(span, written.body_bytes);
    if (!all) log_broken_body(target, all.error().what());
    complete = all && *all;
  }
  written.complete = complete;
  if (!complete) connection.abort();
  co_return written;
}

asio::awaitable<Written> write_text(Connection& connection, std::string_view head,
                                    std::string_view body, bool close) {
  std::array parts{part(head), part(body)};
  std::span<iovec> rest(parts);
  bool complete = co_await connection.send(rest);
  if (!complete) connection.abort();
  co_return Written{.complete = complete, .close = close, .body_bytes = taken_of(body, parts)};
}

}  // namespace

ConnectionHeader Reply::connection_header() const {
  if (close) return ConnectionHeader::close;
  return http_1_0 ? ConnectionHeader::keep_alive : ConnectionHeader::none;
}

Frame frame_of(const Response& response, Reply reply) {
  if (!may_have_body(response.status)) return {Framing::none, 0};
  if (const auto* text = std::get_if<std::string>(&response.body))
    return {Framing::length, text->size()};
  if (std::holds_alternative<std::unique_ptr<ByteSource>>(response.body)) {
    if (response.length) return {Framing::length, *response.length};
    return {reply.http_1_0 ? Framing::until_close : Framing::chunked, 0};
  }
  if (!reply.head_only) return {Framing::length, 0};
  // Only the answer to HEAD may name a length of bytes that do not come, or be silent about it.
  if (!response.length) return {Framing::none, 0};
  return {Framing::length, *response.length};
}

asio::awaitable<Written> write_response(Connection& connection, DateLine& date, Reply reply,
                                        Response& response, std::string_view target) {
  if (const auto* prepared = std::get_if<std::shared_ptr<const Prepared>>(&response.body))
    co_return co_await write_prepared(connection, date, reply, **prepared);
  if (const auto* file = std::get_if<PreparedFile>(&response.body))
    co_return co_await write_prepared_file(connection, date, reply, *file, target);

  auto frame = frame_of(response, reply);
  if (frame.framing == Framing::until_close && !reply.head_only) reply.close = true;
  auto head =
      render_head(response, frame.framing, frame.length, date.text(), reply.connection_header());
  bool bodiless = reply.head_only || !may_have_body(response.status);
  if (auto* source = std::get_if<std::unique_ptr<ByteSource>>(&response.body);
      source != nullptr && !bodiless) {
    Written written{.close = reply.close};
    auto* sure = dynamic_cast<SureSource*>(source->get());
    if (sure != nullptr && frame.framing == Framing::length) {
      written.complete =
          co_await write_sure(connection, head, frame.length, *sure, target, written.body_bytes);
      if (!written.complete) connection.abort();
      co_return written;
    }
    SourceWriter writer(connection, std::move(head), frame.framing, frame.length);
    written.complete = co_await writer.write(**source, target, written.body_bytes);
    if (!written.complete) connection.abort();
    co_return written;
  }
  const auto* text = std::get_if<std::string>(&response.body);
  auto body = text == nullptr || bodiless ? std::string_view() : std::string_view(*text);
  co_return co_await write_text(connection, head, body, reply.close);
}

}  // namespace ncps::http
