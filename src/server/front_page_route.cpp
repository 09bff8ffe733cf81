#include "server/front_page_route.h"

#include "server/front_page.h"

namespace ncps::server {

http::Response FrontPageRoute::answer(const http::Request& request,
                                      const FixedRoutes& about) const {
  FrontPage page{.hostname = about.hostname(),
                 .url = asked_url(request.scheme, request.header("Host"), about.hostname()),
                 .version = version_,
                 .now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())};
  for (const auto& key : about.keys()) page.keys.push_back(key.str());
  page.asks_for_tokens = permissions_.audience() == Audience::token_holders;
  // The same question as that of who asks for /status, counted for the same bounds.
  if (!permissions_.ask(request, Status{}).refusal) page.status = status_.look();
  http::Response response;
  response.headers = {{"Content-Type", "text/html; charset=utf-8"},
                      {"Cache-Control", "no-store"},
                      {"Vary", "Accept"},
                      {"Content-Security-Policy", std::string(kFrontPagePolicy)},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"}};
  response.body = print_html(page);
  return response;
}

}  // namespace ncps::server
