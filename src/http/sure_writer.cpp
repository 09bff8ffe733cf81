#include "http/sure_writer.h"

#include <array>
#include <span>
#include <variant>

#include "http/body_account.h"
#include "http/source_writer.h"

namespace ncps::http {

namespace asio = boost::asio;

asio::awaitable<bool> write_sure(Connection& connection, std::string_view head,
                                 std::uint64_t length, SureSource& source, std::string_view target,
                                 std::uint64_t& sent) {
  BodyAccount account(length, source);
  while (!account.is_whole()) {
    auto piece = co_await source.next();
    if (!piece) {
      log_broken_body(target, piece.error().what());
      co_return false;
    }
    if (auto wrong = account.take(piece_size(*piece))) {
      log_broken_body(target, *wrong);
      co_return false;
    }
    const auto* text = std::get_if<std::string_view>(&*piece);
    std::array parts{part(head), part(text != nullptr ? *text : std::string_view())};
    std::span<iovec> rest(parts);
    auto more = text != nullptr ? More::no : More::yes;
    auto now = connection.send_now(rest, more);
    if (now == Connection::Sent::failed) co_return false;
    if (now == Connection::Sent::partly && !co_await connection.send(rest, more)) co_return false;
    head = {};
    if (text != nullptr) {
      sent += text->size();
      continue;
    }
    auto all = co_await connection.send_file(std::get<FileSpan>(*piece), sent);
    if (!all) log_broken_body(target, all.error().what());
    if (!all || !*all) co_return false;
  }
  if (head.empty()) co_return true;
  std::array parts{part(head)};
  co_return co_await connection.send(parts);
}

}  // namespace ncps::http
