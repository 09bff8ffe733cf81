// Permissions: who may ask for what, by method and route. Thread-safe.
//
// | method | route | right |
// |---|---|---|
// | any | /healthz, /readyz | none: always open |
// | GET, HEAD | /status | admin, if some token has it; else read |
// | GET, HEAD | /metrics | admin, if some token has it; else none |
// | any | /pin/... | write |
// | GET, HEAD | everything else | read |
// | PUT, POST | everything | write |
// | DELETE | everything | delete |
//
// With Certificates::required whoever has shown none may ask for what is always open, and for
// nothing else.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "access/access.h"
#include "base/live.h"
#include "http/request.h"
#include "http/response.h"
#include "server/route.h"

namespace ncps::server {

// nullopt: nobody needs any right. `admins`: some token has the right admin. Pure.
enum class Admins : bool { none, some };
std::optional<access::Right> right_for(http::Method method, const Route& route, Admins admins);

struct Permit {
  std::optional<http::Response> refusal;  // 401, 403 or 429; absent: go on
  std::string who;                        // for the log, as access::Verdict has it; may be empty
};

enum class Certificates : bool { optional, required };  // of clients

class Permissions {
 public:
  explicit Permissions(std::vector<access::Token> tokens = {},
                       Certificates certificates = Certificates::optional);

  Permit ask(const http::Request& request, const Route& route) const;

  // Whether caches between us and the client may share answers.
  Audience audience() const {
    return reads_guarded_ || certificates_required_ ? Audience::token_holders : Audience::everybody;
  }

  // From now on these. Who has guessed wrong too often stays so.
  void use(std::vector<access::Token> tokens, Certificates certificates = Certificates::optional);

 private:
  mutable access::AttemptLimiter limiter_;
  Live<access::Access> access_;
  std::atomic<bool> reads_guarded_ = false;  // so that open reads look at nothing shared
  std::atomic<bool> admins_ = false;         // some token has the right admin
  std::atomic<bool> certificates_required_ = false;
};

}  // namespace ncps::server
