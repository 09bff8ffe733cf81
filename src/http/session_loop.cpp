#include "http/session_loop.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/arrival.h"
#include "http/connection.h"
#include "http/session.h"

namespace ncps::http {

namespace asio = boost::asio;

void SessionLoop::add(Session& session) {
  session.place = sessions_.size();
  sessions_.push_back(&session);
  if (aborting_) session.abort();
}

void SessionLoop::remove(Session& session) noexcept {
  sessions_[session.place] = sessions_.back();
  sessions_[session.place]->place = session.place;
  sessions_.pop_back();
}

asio::awaitable<void> SessionLoop::watch_deadlines() {
  while (!stopping_) {
    tick_.expires_after(context.options.tick);
    co_await tick_.async_wait(asio::as_tuple(asio::use_awaitable));
    auto now = coarse_now();
    // Nothing here resumes a session before we are through: asio only queues what it cancels.
    for (auto* session : sessions_) session->check_deadline(now);
    for (auto* arrival : arrivals_) arrival->check_deadline(now);
  }
}

void SessionLoop::drain() {
  draining_ = true;
  for (auto* session : sessions_) session->drain();
  for (auto* arrival : arrivals_) arrival->interrupt();
}

void SessionLoop::abort_all() {
  aborting_ = true;
  for (auto* session : sessions_) session->abort();
}

void SessionLoop::stop() {
  stopping_ = true;
  tick_.cancel();
}

}  // namespace ncps::http
