#include "http/source_writer.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/post.hpp>

#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;

// The head leaves together with the first piece if that comes at once. If the source has to wait,
// the thread gets to the handler posted here, which sends the head alone: during a slow download
// the client sees it early.
struct SourceWriter::WaitingHead {
  Connection* connection;  // null once the first piece has come
  std::string text;
  std::size_t sent = 0;

  void send_alone() {
    if (connection == nullptr) return;
    std::array parts{part(std::string_view(text).substr(sent))};
    std::span<iovec> rest(parts);
    connection->send_now(rest);  // a failure shows again when the rest is sent
    sent = text.size() - (rest.empty() ? 0 : rest.front().iov_len);
  }
};

void log_broken_body(std::string_view target, std::string_view why) {
  log::warn("a response broke off", {{"request_uri", target}, {"error", why}});
}

SourceWriter::SourceWriter(Connection& connection, std::string head, Framing framing,
                           std::uint64_t length)
    : connection_(connection),
      framing_(framing),
      length_(length),
      head_(std::make_shared<WaitingHead>(&connection, std::move(head))) {}

SourceWriter::~SourceWriter() {
  head_->connection = nullptr;
}

std::string_view SourceWriter::take_head() {
  head_->connection = nullptr;
  auto rest = std::string_view(head_->text).substr(head_->sent);
  head_->sent = head_->text.size();
  return rest;
}

asio::awaitable<bool> SourceWriter::write(ByteSource& source, std::string_view target,
                                          std::uint64_t& sent) {
  auto length = framing_ == Framing::length ? std::optional(length_) : std::nullopt;
  BodyAccount account(length, source);
  // An empty body has no byte to keep back: there the head itself waits for the end.
  if (!account.is_empty())
    asio::post(connection_.executor(), [head = head_] { head->send_alone(); });
  for (;;) {
    auto piece = co_await source.next();
    head_->connection = nullptr;
    if (!piece) {
      log_broken_body(target, piece.error().what());
      co_return false;
    }
    auto size = piece_size(*piece);
    if (auto wrong = account.take(size)) {
      log_broken_body(target, *wrong);
      co_return false;
    }
    if (size == 0) break;
    if (!co_await send_piece(*piece, account, target, sent)) co_return false;
  }
  co_return co_await send_end(sent);
}

asio::awaitable<bool> SourceWriter::send_piece(Piece piece, const BodyAccount& account,
                                               std::string_view target, std::uint64_t& sent) {
  bool chunked = framing_ == Framing::chunked;
  auto chunk = chunked ? fmt::format("{:x}\r\n", piece_size(piece)) : std::string();
  auto head = take_head();
  auto now = piece;
  if (account.keeps_last()) drop_last(now);

  if (auto* text = std::get_if<std::string_view>(&now)) {
    std::array parts{part(head), part(chunk), part(*text), part(chunked ? "\r\n" : "")};
    auto more = account.keeps_last() ? More::yes : More::no;
    if (!co_await connection_.send(parts, more)) co_return false;
    sent += text->size();
  } else {
    std::array before{part(head), part(chunk)};
    if (!co_await connection_.send(before, More::yes)) co_return false;
    auto all = co_await connection_.send_file(std::get<FileSpan>(now), sent);
    if (!all) log_broken_body(target, all.error().what());
    if (!all || !*all) co_return false;
    std::array after{part(chunked ? "\r\n" : "")};
    if (!co_await connection_.send(after)) co_return false;
  }
  if (!account.keeps_last()) co_return true;
  last_byte_ = last_of(piece);
  if (!last_byte_) log_broken_body(target, "the file's last byte cannot be read");
  co_return last_byte_.has_value();
}

asio::awaitable<bool> SourceWriter::send_end(std::uint64_t& sent) {
  auto head = take_head();
  char last = last_byte_.value_or('\0');
  std::string_view kept(&last, last_byte_ ? 1 : 0);
  std::array parts{part(head), part(kept), part(framing_ == Framing::chunked ? "0\r\n\r\n" : "")};
  if (!co_await connection_.send(parts)) co_return false;
  sent += kept.size();
  co_return true;
}

}  // namespace ncps::http
