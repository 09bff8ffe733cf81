// GET of /metrics: what was counted, as text. Thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "http/response.h"
#include "rt/offload.h"

namespace ncps::server {

class MetricsRoute {
 public:
  // Text and its Content-Type; on the CPU pool, because it may take some milliseconds.
  struct Text {
    std::function<std::string()> render;
    std::string_view type;
  };

  // `text.render` empty: 404, there is no such path.
  MetricsRoute(Text text, Pool& cpu) : text_(std::move(text)), cpu_(cpu) {}

  boost::asio::awaitable<http::Response> answer() const;

 private:
  Text text_;
  Pool& cpu_;
};

}  // namespace ncps::server
