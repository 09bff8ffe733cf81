// What a request asks for: its target, checked and taken apart. Pure; the same for every version of
// HTTP.
//
// Source: RFC 9112 section 3.2, RFC 9113 section 8.3.1.
#pragma once

#include <string_view>

#include "http/request.h"

namespace ncps::http {

// Why a request gets no handler.
struct Refusal {
  unsigned status = 0;  // 0: it is fine
  std::string_view what;
};

// Path and query of request.target: the origin form ("/a?b") or the absolute form ("http://host/a?b").
// False: it is neither, or has anything but visible ASCII.
bool split_target(Request& request);

}  // namespace ncps::http
