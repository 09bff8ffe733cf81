#include "lock/redis/connection.h"

#include <array>
#include <boost/asio/this_coro.hpp>
#include <utility>

#include "lock/redis/reply_reader.h"
#include "lock/redis/wire.h"

namespace ncps::redis {
namespace {

constexpr std::string_view kName = "ncps";  // in CLIENT LIST
constexpr auto kWriting = std::chrono::seconds(5);

// What a server says to AUTH may hold what was sent: "unknown command 'AUTH', with args beginning with:
// 'user' 'password'".
std::string said_by(const Reply& reply, const Login& login) {
  auto text = reply.text.substr(0, reply.text.find(", with args beginning with"));
  text = without_secret(std::move(text), login.password);
  return printable(without_secret(std::move(text), login.username));
}

// nullopt: it is welcome.
std::optional<std::string> why_refused(const Reply& reply, const Login& login) {
  if (!reply.is_error()) return std::nullopt;
  auto said = " (it says: " + said_by(reply, login) + ")";
  if (reply.is_error("WRONGPASS") || reply.text.find("invalid password") != std::string::npos)
    return "it knows no such user with that password: see --cache-redis-username and "
           "--cache-redis-password" +
           said;
  if (reply.is_error("NOAUTH")) return "it wants a password: give --cache-redis-password" + said;
  if (reply.text.find("without any password configured") != std::string::npos)
    return "it has no password set: leave out --cache-redis-password" + said;
  if (reply.is_error("NOPERM"))
    return "the user may not do what a lease needs: see --cache-redis-username" + said;
  if (login.database != 0 && (reply.text.find("DB index") != std::string::npos ||
                              reply.text.find("SELECT") != std::string::npos))
    return "it does not have the database of --cache-redis-db" + said;
  return "it refuses" + said;
}

}  // namespace

struct Connection::State {
  State(const boost::asio::any_io_executor& executor, const NodeAddress& where)
      : address(where), wire(std::make_shared<Wire>(executor, where)) {}

  // Every Error that leaves says of which server it is.
  std::unexpected<Error> error(Error what) {
    wire->close();
    return std::unexpected(std::move(what).while_doing("Redis at " + address.str()));
  }

  const NodeAddress address;
  std::shared_ptr<Wire> wire;
  ReplyReader reader;
  std::array<char, 16 * 1024> buffer;
};

Connection::Connection(std::shared_ptr<State> state) : state_(std::move(state)) {}

Connection::~Connection() {
  close();
}

bool Connection::is_open() const noexcept {
  return state_->wire->is_open();
}

void Connection::close() noexcept {
  state_->wire->close();
}

Task<std::unique_ptr<Connection>> Connection::open(NodeAddress address, Login login,
                                                   std::shared_ptr<TlsContext> tls,
                                                   Deadline deadline) {
  auto state = std::make_shared<State>(co_await boost::asio::this_coro::executor, address);
  std::unique_ptr<Connection> made(new Connection(state));
  auto connected = co_await state->wire->connect(deadline);
  if (!connected) co_return state->error(std::move(connected).error());
  if (tls) {
    auto shaken = co_await state->wire->shake_hands(std::move(tls), deadline);
    if (!shaken) co_return state->error(std::move(shaken).error());
  }
  std::vector<Command> greetings;
  if (!login.username.empty()) {
    greetings.push_back({"AUTH", login.username, login.password});
  } else if (!login.password.empty()) {
    greetings.push_back({"AUTH", login.password});
  }
  // PING finds out whether a password is wanted; SELECT 0 would be refused by no server.
  greetings.push_back({"PING"});
  if (login.database != 0) greetings.push_back({"SELECT", std::to_string(login.database)});
  for (auto& greeting : greetings) {
    CO_TRY(auto reply, co_await made->ask(std::move(greeting), deadline));
    if (auto why = why_refused(reply, login))
      co_return state->error(Error(ErrorKind::unavailable, std::move(*why)));
  }
  Command name = {"CLIENT", "SETNAME", std::string(kName)};
  CO_TRY(co_await made->ask(std::move(name), deadline));  // an ACL may forbid it: no matter
  co_return made;
}

Task<void> Connection::send(Command command) {
  auto state = state_;
  auto text = to_wire(command);
  auto sent = co_await state->wire->write(text, Deadline::after(kWriting));
  if (!sent) co_return state->error(std::move(sent).error());
  co_return Result<void>();
}

Task<Reply> Connection::receive(Deadline deadline) {
  auto state = state_;
  for (;;) {
    auto reply = state->reader.next();
    if (!reply) co_return state->error(std::move(reply).error());
    if (*reply) co_return std::move(**reply);
    auto size = co_await state->wire->read(state->buffer, deadline);
    if (!size) co_return state->error(std::move(size).error());
    auto fed = state->reader.feed({state->buffer.data(), *size});
    if (!fed) co_return state->error(std::move(fed).error());
  }
}

Task<Reply> Connection::ask(Command command, Deadline deadline) {
  auto state = state_;
  auto text = to_wire(command);
  auto sent = co_await state->wire->write(text, deadline);
  if (!sent) co_return state->error(std::move(sent).error());
  CO_TRY(auto reply, co_await receive(deadline));
  if (state->reader.has_rest())
    co_return state->error(Error(ErrorKind::unavailable, "it answers more than it was asked"));
  co_return reply;
}

}  // namespace ncps::redis
