#include "http/source_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>

#include "rt/sure_source.h"
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
      left_(length),
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
  // An empty body has no byte to keep back: there the head itself waits for the end.
  bool empty = framing_ == Framing::length && left_ == 0;
  sure_ = dynamic_cast<const SureSource*>(&source) != nullptr;
  if (!empty) asio::post(connection_.executor(), [head = head_] { head->send_alone(); });
  for (;;) {
    auto piece = co_await source.next();
    head_->connection = nullptr;
    if (!piece) {
      log_broken_body(target, piece.error().what());
      co_return false;
    }
    auto size = piece_size(*piece);
    if (size == 0) break;
    if (!account(size, target)) co_return false;
    if (!co_await send_piece(*piece, target, sent)) co_return false;
  }
  co_return co_await send_end(target, sent);
}

bool SourceWriter::account(std::uint64_t size, std::string_view target) {
  if (framing_ != Framing::length) return true;
  if (size > left_) {
    log_broken_body(target,
                    fmt::format("the body has {} bytes more than its length", size - left_));
    return false;
  }
  left_ -= size;
  return true;
}

asio::awaitable<bool> SourceWriter::send_piece(Piece piece, std::string_view target,
                                               std::uint64_t& sent) {
  bool keep_last = framing_ == Framing::length && left_ == 0 && !sure_;
  bool chunked = framing_ == Framing::chunked;
  auto chunk = chunked ? fmt::format("{:x}\r\n", piece_size(piece)) : std::string();
  auto head = take_head();

  if (auto* text = std::get_if<std::string_view>(&piece)) {
    if (keep_last) {
      last_byte_ = text->back();
      text->remove_suffix(1);
    }
    std::array parts{part(head), part(chunk), part(*text), part(chunked ? "\r\n" : "")};
    if (!co_await connection_.send(parts, keep_last ? More::yes : More::no)) co_return false;
    sent += text->size();
    co_return true;
  }

  auto span = std::get<FileSpan>(piece);
  std::array before{part(head), part(chunk)};
  if (!co_await connection_.send(before, More::yes)) co_return false;
  if (keep_last) --span.length;
  auto all = co_await connection_.send_file(span, sent);
  if (!all) log_broken_body(target, all.error().what());
  if (!all || !*all) co_return false;
  if (keep_last) {
    char byte;
    auto at = static_cast<off_t>(span.offset + span.length);
    if (::pread(span.fd, &byte, 1, at) != 1) {
      log_broken_body(target, "the file's last byte cannot be read");
      co_return false;
    }
    last_byte_ = byte;
  }
  std::array after{part(chunked ? "\r\n" : "")};
  co_return co_await connection_.send(after);
}

asio::awaitable<bool> SourceWriter::send_end(std::string_view target, std::uint64_t& sent) {
  if (framing_ == Framing::length && left_ != 0) {
    log_broken_body(target, fmt::format("the body ended {} bytes before its length", left_));
    co_return false;
  }
  auto head = take_head();
  char last = last_byte_.value_or('\0');
  std::string_view kept(&last, last_byte_ ? 1 : 0);
  std::array parts{part(head), part(kept), part(framing_ == Framing::chunked ? "0\r\n\r\n" : "")};
  if (!co_await connection_.send(parts)) co_return false;
  sent += kept.size();
  co_return true;
}

}  // namespace ncps::http
