#include "server/status_route.h"

namespace ncps::server {

StatusPicture StatusRoute::look() const {
  auto now = std::chrono::steady_clock::now();
  StatusPicture picture{.version = deps_.version, .started = started_};
  picture.uptime = now - began_;
  for (const auto& one : *deps_.upstreams.now())
    picture.upstreams.push_back({.name = one->name(),
                                 .standing = one->standing(),
                                 .priority = one->priority(),
                                 .usual_delay = one->usual_delay()});
  picture.kept_bytes = deps_.space.kept();
  picture.limit_bytes = deps_.space.max_size();
  picture.counted = deps_.counted();
  picture.load = deps_.downloads.load();
  picture.transfers = deps_.downloads.transfers(kTransfers);
  picture.since_start = deps_.served.totals();
  history_.with([&](const ServedHistory& history) {
    for (std::size_t i = 0; i < picture.within.size(); ++i)
      picture.within[i] = history.within(i, now, picture.since_start);
  });
  return picture;
}

http::Response StatusRoute::answer() const {
  http::Response response;
  response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
  response.body = print_json(look());
  return response;
}

void StatusRoute::start() {
  group_.spawn(runtime_.next_executor(), "status", look_again_and_again());
}

boost::asio::awaitable<void> StatusRoute::look_again_and_again() {
  while (!stopping_) {
    auto seen = stop_.version();
    auto totals = deps_.served.totals();
    history_.with([&](ServedHistory& h) { h.add(std::chrono::steady_clock::now(), totals); });
    if (stopping_) break;
    co_await stop_.wait_past(seen, Deadline::after(ServedHistory::kWindows[0].step));
  }
}

bool StatusRoute::stop(Deadline deadline) {
  stopping_ = true;
  stop_.notify();
  return group_.join_blocking(deadline);
}

}  // namespace ncps::server
