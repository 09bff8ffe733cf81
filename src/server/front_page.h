// The front page: what a browser gets at /. One file, no request to anywhere else; it can be read
// without JavaScript, and what changes is rendered here, also for those who have some. Pure.
//
// The template is front_page.html beside this file, in Mustache (https://mustache.github.io/mustache.5.html),
// which escapes every value; tools/embed_page.py puts it into the program.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/scheme.h"
#include "server/status_picture.h"

namespace ncps::server {

extern const std::string_view kFrontPageTemplate;
extern const std::string_view
    kFrontPagePolicy;  // Content-Security-Policy: its own style and script

// More upstreams and transfers are counted, not named: the page stays small.
constexpr std::size_t kFrontPageUpstreams = 40;
constexpr std::size_t kFrontPageTransfers = 20;

struct FrontPage {
  std::string hostname;           // the cache's name
  std::string url;                // under which whoever asks reaches it; nix::is_cache_url
  std::vector<std::string> keys;  // public ones, name:base64
  bool asks_for_tokens = false;   // readers have to send one
  std::string version;
  std::chrono::sys_seconds now;
  std::optional<StatusPicture> status;  // absent: whoever asks may not see it
};

std::string print_html(const FrontPage& page);

// The URL under which a client asked, by its Host header. That header may be absent or anything: then
// it is made of `hostname`.
std::string asked_url(http::Scheme scheme, std::string_view host_header, std::string_view hostname);

}  // namespace ncps::server
