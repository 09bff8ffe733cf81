#include "server/metrics_route.h"

namespace ncps::server {

boost::asio::awaitable<http::Response> MetricsRoute::answer() const {
  if (!text_.render) co_return http::text_response(404, "no such path");
  auto work = [this] { return text_.render(); };
  http::Response response;
  response.body = co_await offload(cpu_, std::move(work));
  response.headers = {{"Content-Type", std::string(text_.type)}, {"Cache-Control", "no-store"}};
  co_return response;
}

}  // namespace ncps::server
