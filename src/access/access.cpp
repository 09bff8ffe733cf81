#include "access/access.h"

#include <algorithm>

#include "access/credentials.h"

namespace ncps::access {
namespace {

bool same(const crypto::Sha256Digest& a, const crypto::Sha256Digest& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

bool has_one_of(Rights rights, Rights wanted) {
  for (auto right : {Right::read, Right::write, Right::remove, Right::admin})
    if (rights.has(right) && wanted.has(right)) return true;
  return false;
}

}  // namespace

Rights guardians(Right right, Rights given) {
  if (right == Right::admin) return given.has(Right::admin) ? Rights(Right::admin) : Rights();
  if (right == Right::remove && given.has(Right::remove)) return Right::remove | Right::admin;
  if (right != Right::read && given.has(Right::write)) return Right::write | Right::admin;
  if (!given.has(Right::read)) return {};
  // Whoever may do more may read; and where no token is for more, the readers' are.
  return Right::read | Right::write | Right::remove | Right::admin;
}

Access::Access(std::vector<Token> tokens, AttemptLimiter& limiter)
    : tokens_(std::move(tokens)), limiter_(limiter) {
  for (const auto& token : tokens_) given_ = given_ | token.rights;
}

void Access::Shown::add(const Token& token, Rights wanted) {
  if (!known || (!has_one_of(rights, wanted) && has_one_of(token.rights, wanted))) who = token.name;
  rights = rights | token.rights;
  known = true;
}

Access::Shown Access::look_at(const crypto::Sha256Digest& digest, Rights wanted) const {
  Shown shown;
  for (const auto& token : tokens_)
    if (same(token.digest, digest) && token.certificate.empty()) shown.add(token, wanted);
  return shown;
}

Access::Shown Access::look_at(std::span<const std::string> certificate, Rights wanted) const {
  Shown shown;
  for (const auto& token : tokens_) {
    if (token.certificate.empty()) continue;
    if (std::ranges::find(certificate, token.certificate) == certificate.end()) continue;
    shown.add(token, wanted);
  }
  if (!shown.known && !certificate.empty()) shown.who = "cert:" + certificate.front();
  return shown;
}

Verdict Access::judge(Right right, std::string_view authorization,
                      std::span<const std::string> certificate, std::string_view address,
                      Clock::time_point now) const {
  using enum Verdict::Answer;
  auto wanted = guardians(right, given_);
  if (wanted.empty() && right == Right::read) return {};
  auto shown = certificate.empty() ? Shown() : look_at(certificate, wanted);
  if (has_one_of(shown.rights, wanted)) return {.answer = yes, .who = std::move(shown.who)};
  Verdict verdict;  // yes
  bool sent = !tokens_.empty() && !authorization.empty();
  if (sent || !wanted.empty()) verdict = judge_token(wanted, authorization, address, now);
  if (!verdict.who.empty()) return verdict;
  verdict.who = std::move(shown.who);
  if (verdict.answer == unknown && shown.known) verdict.answer = not_allowed;
  return verdict;
}

Verdict Access::judge_token(Rights wanted, std::string_view authorization, std::string_view address,
                            Clock::time_point now) const {
  using enum Verdict::Answer;
  auto sent = token_in(authorization);
  if (!sent) return {.answer = wanted.empty() ? yes : unknown, .who = {}};
  auto digest = crypto::sha256(*sent);
  if (auto wait = limiter_.refuse(address, digest, now))
    return {.answer = too_many, .who = {}, .wait = *wait};
  auto shown = look_at(digest, wanted);
  if (!shown.known) {
    limiter_.failed(address, now);
    return {.answer = wanted.empty() ? yes : unknown, .who = {}};
  }
  limiter_.succeeded(address, digest, now);
  bool may = wanted.empty() || has_one_of(shown.rights, wanted);
  return {.answer = may ? yes : not_allowed, .who = std::move(shown.who)};
}

}  // namespace ncps::access
