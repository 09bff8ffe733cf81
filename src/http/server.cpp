#include "http/server.h"

#include <signal.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "base/check.h"
#include "http/admission.h"
#include "http/caller.h"
#include "http/connection.h"
#include "http/listener.h"
#include "http/session.h"
#include "http/session_loop.h"
#include "rt/signal.h"
#include "rt/task_group.h"
#include "telemetry/log.h"

namespace ncps::http {

namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

using ErrorCode = boost::system::error_code;
using Socket = Connection::Socket;

// Of who was counted when the connection came. Whatever is thrown on the way, it does not count for ever.
class Counted {
 public:
  explicit Counted(std::atomic<std::size_t>& connections) : connections_(&connections) {}
  Counted(const Counted&) = delete;
  ~Counted() {
    if (connections_ != nullptr) connections_->fetch_sub(1);
  }
  void left_to_its_session() { connections_ = nullptr; }

 private:
  std::atomic<std::size_t>* connections_;
};

asio::awaitable<void> run_session(SessionLoop& loop, Socket socket) {
  Counted counted(loop.context.connections);
  auto admitted = co_await admit(loop, socket);
  if (!admitted) co_return;
  Session session(loop, std::move(socket), std::move(admitted->caller));
  counted.left_to_its_session();
  co_await session.run();
}

class ServerImpl final : public Server {
 public:
  ServerImpl(Runtime& runtime, Pool& disk, ServerOptions options, Handler handler,
             Listener listener)
      : context_{.options = std::move(options), .handler = std::move(handler), .disk = disk},
        listener_(std::move(listener)) {
    context_.tls.replace(context_.options.tls);
    for (std::size_t i = 0; i < runtime.size(); ++i)
      loops_.push_back(std::make_unique<SessionLoop>(context_, runtime.loop(i)));
    for (auto& loop : loops_)
      watchers_.spawn(loop->io.get_executor(), "http deadlines", loop->watch_deadlines());
    sessions_.spawn(listener_.acceptor.get_executor(), "http accept", accept());
  }

  ~ServerImpl() override { CHECK(drained_); }

  const ListenAddress& address() const override { return listener_.address; }
  std::size_t connections() const override { return context_.connections.load(); }
  void use_tls(std::shared_ptr<const TlsContext> tls) override {
    CHECK(tls && context_.options.tls);
    context_.tls.replace(std::move(tls));
  }
  std::shared_ptr<const TlsContext> tls() const override { return *context_.tls.now(); }
  bool drain(Deadline grace, const std::function<void()>& cut_off,
             std::chrono::milliseconds unwind) override;

 private:
  asio::awaitable<void> accept();
  void accept_backlog();
  void deal(Socket socket);
  SessionLoop& next_loop() { return *loops_[turn_ % loops_.size()]; }
  void on_every_loop(void (SessionLoop::*what)());

  ServerContext context_;
  Listener listener_;
  std::vector<std::unique_ptr<SessionLoop>> loops_;
  std::size_t turn_ = 0;  // the acceptor's thread only
  bool closing_ = false;  // the acceptor's thread only
  bool drained_ = false;  // drain()'s thread only
  TaskGroup watchers_;
  TaskGroup sessions_;  // and the acceptor
};

asio::awaitable<void> ServerImpl::accept() {
  while (!closing_) {
    auto [error, socket] = co_await listener_.acceptor.async_accept(
        next_loop().io, asio::as_tuple(asio::use_awaitable));
    if (!error) {
      deal(std::move(socket));
    } else if (error != asio::error::operation_aborted &&
               error != asio::error::connection_aborted) {
      // Out of descriptors or memory, most likely: both come back when connections end.
      log::warn("could not accept a connection", {{"error", error.message()}});
      co_await sleep_for(50ms);
    }
  }
  listener_.file.reset();  // first: from here on nobody new finds the way into the backlog
  accept_backlog();
  ErrorCode ignored;
  listener_.acceptor.close(ignored);
}

// What the kernel has accepted for us would get an RST from closing the listener.
void ServerImpl::accept_backlog() {
  ErrorCode error;
  listener_.acceptor.non_blocking(true, error);
  while (!error) {
    auto socket = listener_.acceptor.accept(next_loop().io, error);
    if (!error) deal(std::move(socket));
  }
}

void ServerImpl::deal(Socket socket) {
  const auto& probe = context_.options.probe;
  if (context_.connections.load() >= context_.options.max_connections) {
    probe.turned_away.add();
    // A handshake would be work: over TLS there is no word for it but the end.
    if (!context_.options.tls) turn_away(socket);
    return;
  }
  probe.accepted.add();
  context_.connections.fetch_add(1);
  auto& loop = next_loop();
  ++turn_;
  sessions_.spawn(loop.io.get_executor(), "http session", run_session(loop, std::move(socket)));
}

void ServerImpl::on_every_loop(void (SessionLoop::*what)()) {
  for (auto& loop : loops_) asio::post(loop->io, [loop = loop.get(), what] { (loop->*what)(); });
}

bool ServerImpl::drain(Deadline grace, const std::function<void()>& cut_off,
                       std::chrono::milliseconds unwind) {
  if (drained_) return true;
  asio::post(listener_.acceptor.get_executor(), [this] {
    closing_ = true;
    ErrorCode ignored;
    listener_.acceptor.cancel(ignored);
  });
  on_every_loop(&SessionLoop::drain);
  if (!sessions_.join_blocking(grace)) {
    log::warn("aborting connections that did not end in time", {{"connections", connections()}});
    on_every_loop(&SessionLoop::abort_all);
    cut_off();
    if (!sessions_.join_blocking(Deadline::after(unwind))) {
      log::error("connections do not end, though all they may wait for was cut off",
                 {{"connections", connections()}});
      return false;
    }
  }
  on_every_loop(&SessionLoop::stop);
  watchers_.join_blocking(Deadline::never());
  drained_ = true;
  return true;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Runtime& runtime, Pool& disk, ServerOptions options,
                                              Handler handler) {
  // sendfile has no MSG_NOSIGNAL: a client that goes away would end the process.
  ::signal(SIGPIPE, SIG_IGN);
  TRY(auto listener, options.inherited ? adopt_listener(runtime.loop(0), *options.inherited)
                                       : open_listener(runtime.loop(0), options.address));
  if (options.tls && listener.address.is_unix())
    return fail(ErrorKind::invalid, "listening on " + listener.address.str() +
                                        ": a Unix socket stays plain: leave the options of TLS "
                                        "away, or listen on TCP");
  return std::make_unique<ServerImpl>(runtime, disk, std::move(options), std::move(handler),
                                      std::move(listener));
}

}  // namespace ncps::http
