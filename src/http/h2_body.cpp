#include "http/h2_body.h"

#include <algorithm>
#include <utility>

#include "http/connection.h"

namespace ncps::http {

void H2Intake::came(std::size_t bytes) {
  held_ += bytes;
  if (held_ > kMost) {
    owed_ += bytes;
  } else {
    machine_.consumed_connection(bytes);
  }
}

void H2Intake::gone(std::size_t bytes) {
  held_ -= bytes;
  if (owed_ > 0 && held_ <= kMost) machine_.consumed_connection(std::exchange(owed_, 0));
}

H2Body::H2Body(h2::Machine& machine, H2Intake& intake, Bell& output,
               const boost::asio::any_io_executor& executor, h2::StreamId id, Rules rules)
    : machine_(machine),
      intake_(intake),
      output_(output),
      bell_(executor),
      id_(id),
      rules_(rules),
      rate_(rules.rate) {}

H2Body::~H2Body() {
  throw_away(waiting_);
  throw_away(given_);
}

void H2Body::came(std::string_view bytes) {
  waiting_ += bytes;
  intake_.came(bytes.size());
  bell_.ring();
}

void H2Body::end() {
  whole_ = true;
  bell_.ring();
}

void H2Body::break_off() {
  if (!whole_) broken_ = true;
  bell_.ring();
}

// Out of memory again, and its place in the windows is free.
void H2Body::throw_away(std::string& bytes) {
  if (bytes.empty()) return;
  machine_.consumed(id_, bytes.size());
  intake_.gone(bytes.size());
  bytes.clear();
  output_.ring();
}

void H2Body::begin() {
  if (std::exchange(begun_, true) || whole_ || broken_) return;
  if (rules_.expects_continue && waiting_.empty()) machine_.say_continue(id_);
  machine_.start_reading(id_);
  output_.ring();
}

Task<Piece> H2Body::next() {
  using Milliseconds = std::chrono::milliseconds;
  throw_away(given_);
  begin();
  Milliseconds waited{0};
  while (waiting_.empty() && !whole_ && !broken_) {
    auto began = coarse_now();
    auto patience = std::min<Milliseconds>(rules_.stall, rate_.patience() - waited);
    bool rung = patience.count() > 0 && co_await bell_.wait(began + patience);
    waited += std::chrono::ceil<Milliseconds>(coarse_now() - began);
    if (rung || !waiting_.empty()) continue;
    failed_ = true;
    co_return fail(ErrorKind::timeout, "the body stalled, or came too slowly");
  }
  if (!waiting_.empty()) {
    std::swap(waiting_, given_);
    rate_.came(given_.size(), waited);
    co_return Piece(std::string_view(given_));
  }
  if (broken_) co_return fail(ErrorKind::invalid, "the body broke off on its way here");
  co_return Piece(std::string_view());
}

}  // namespace ncps::http
