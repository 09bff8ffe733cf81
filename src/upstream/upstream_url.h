// The base URL of an upstream cache, as configured: "https://user:pw@host/prefix?priority=10".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::upstream {

class UpstreamUrl {
 public:
  // Errors: invalid: neither http nor https, no host, a port or a priority that is no number from 0
  // to 65535, white space, or an '@' behind its host. The message repeats nothing of `text`.
  static Result<UpstreamUrl> parse(std::string_view text);

  // Where `url` of a narinfo lies, or a path like "x.narinfo": relative to the base, to the host if
  // it begins with '/', or absolute as it is. A query of the base is added to relative ones.
  std::string resolve(std::string_view url) const;

  // Whether `url` leads to the host of this one: it is relative, or names the same scheme, host and
  // port.
  bool same_host(std::string_view url) const;

  // Without user, password and query: for logs, rows and errors.
  const std::string& masked() const noexcept { return masked_; }

  std::optional<int> priority() const noexcept { return priority_; }  // lower is asked first

  friend bool operator==(const UpstreamUrl&, const UpstreamUrl&) = default;

 private:
  UpstreamUrl() = default;
  std::string origin_;  // "https://user:pw@host:port"
  std::string path_;    // "/prefix", or empty; no '/' at the end
  std::string query_;   // what is left without priority, or empty
  std::string masked_;
  std::optional<int> priority_;
};

// `url` without user and password, and with its query cut: safe to log.
std::string masked_url(std::string_view url);

}  // namespace ncps::upstream
