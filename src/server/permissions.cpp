#include "server/permissions.h"

#include "telemetry/log.h"

namespace ncps::server {
namespace {

using Answer = access::Verdict::Answer;

http::Response unauthorized() {
  auto response =
      http::text_response(401, "this cache wants a token: as Bearer, or as the password in netrc");
  response.headers.push_back({"WWW-Authenticate", "Bearer"});
  response.headers.push_back({"WWW-Authenticate", "Basic realm=\"ncps\", charset=\"UTF-8\""});
  return response;
}

http::Response forbidden(access::Right right) {
  return http::text_response(
      403, "the token or certificate is known, but not for this: it lacks the right " +
               std::string(access::to_string(right)));
}

http::Response no_certificate() {
  return http::text_response(403, "this cache wants a client certificate");
}

http::Response too_many(std::chrono::seconds wait) {
  auto response = http::text_response(429, "too many wrong tokens from your address");
  response.headers.push_back({"Retry-After", std::to_string(wait.count())});
  return response;
}

}  // namespace

std::optional<access::Right> right_for(http::Method method, const Route& route, Admins admins) {
  auto* fixed = std::get_if<Fixed>(&route);
  if (std::holds_alternative<Ready>(route) || (fixed != nullptr && *fixed == Fixed::healthz))
    return std::nullopt;
  if (std::holds_alternative<PinOf>(route)) return access::Right::write;
  bool reading = method == http::Method::get || method == http::Method::head;
  if (reading && admins == Admins::some &&
      (std::holds_alternative<Status>(route) || std::holds_alternative<Metrics>(route)))
    return access::Right::admin;
  if (reading && std::holds_alternative<Metrics>(route)) return std::nullopt;
  switch (method) {
    case http::Method::get:
    case http::Method::head:
    case http::Method::other: return access::Right::read;  // other: before it is told 405
    case http::Method::put:
    case http::Method::post: return access::Right::write;
    case http::Method::delete_: return access::Right::remove;
  }
  return access::Right::admin;
}

Permissions::Permissions(std::vector<access::Token> tokens, Certificates certificates)
    : access_(access::Access(std::move(tokens), limiter_)),
      reads_guarded_(access_.now()->guarded(access::Right::read)),
      admins_(access_.now()->guarded(access::Right::admin)),
      certificates_required_(certificates == Certificates::required) {}

Permit Permissions::ask(const http::Request& request, const Route& route) const {
  auto right = right_for(request.method, route, admins_ ? Admins::some : Admins::none);
  bool always_open = !right && !std::holds_alternative<Metrics>(route);
  if (certificates_required_ && request.certificate.empty() && !always_open) {
    log::debug("refused, without a client certificate",
               {{"method", request.method_name}, {"client", request.client}});
    return {.refusal = no_certificate(), .who = {}};
  }
  if (!right || (*right == access::Right::read && !reads_guarded_)) return {};
  auto verdict = access_.now()->judge(*right, request.header("Authorization"), request.certificate,
                                      request.client, access::Access::Clock::now());
  Permit permit{.refusal = {}, .who = std::move(verdict.who)};
  switch (verdict.answer) {
    case Answer::yes: return permit;
    case Answer::unknown: permit.refusal = unauthorized(); break;
    case Answer::not_allowed: permit.refusal = forbidden(*right); break;
    case Answer::too_many: permit.refusal = too_many(verdict.wait); break;
  }
  log::debug("refused", {{"method", request.method_name},
                         {"client", request.client},
                         {"token", permit.who},
                         {"right", access::to_string(*right)}});
  return permit;
}

void Permissions::use(std::vector<access::Token> tokens, Certificates certificates) {
  access::Access access(std::move(tokens), limiter_);
  reads_guarded_ = access.guarded(access::Right::read);
  admins_ = access.guarded(access::Right::admin);
  certificates_required_ = certificates == Certificates::required;
  access_.replace(std::move(access));
}

}  // namespace ncps::server
