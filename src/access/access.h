// Access: may whoever sends this token, or shows this certificate, do that.
//
// A right is guarded as soon as some token gives it; nobody without such a token has it then. A right
// that no token gives is guarded by the tokens of a smaller one, in the order read, write, delete: who
// hides a cache from readers does not open it to writers. Admin stands alone. Where nothing guards it,
// everybody has it. A secret (or a name of a certificate) that several tokens have is worth what all of them
// give together. To write is also to read, to delete also to read, admin is everything.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/attempt_limiter.h"
#include "access/token.h"

namespace ncps::access {

struct Verdict {
  enum class Answer : std::uint8_t {
    yes,
    unknown,      // no token, or a wrong one: 401
    not_allowed,  // a token, but not of that right: 403
    too_many,     // wrong ones, too often: 429
  };
  Answer answer = Answer::yes;
  std::string
      who;  // name of the token, or "cert:" and a name of a certificate that no token names;
            // empty: neither, or not looked at
  std::chrono::seconds wait{0};  // too_many: until when, at most
};

// Where tokens give these rights: the rights of which a token must have one, to do that. Empty:
// everybody may. Pure.
Rights guardians(Right right, Rights given);

class Access {
 public:
  using Clock = AttemptLimiter::Clock;

  // `limiter` outlives it, and what replaces it: a reload forgives nobody.
  Access(std::vector<Token> tokens, AttemptLimiter& limiter);

  bool guarded(Right right) const { return !guardians(right, given_).empty(); }

  // `authorization`: that header, or empty. `certificate`: the names in the client's, which has been
  // verified; empty: none. `address`: the client's, without port. Where everybody has the right
  // both are looked at only to name who it is, and for reading not at all. A certificate that has the
  // right needs no token; otherwise the token decides.
  Verdict judge(Right right, std::string_view authorization,
                std::span<const std::string> certificate, std::string_view address,
                Clock::time_point now) const;

 private:
  // What a secret, or a certificate, stands for.
  struct Shown {
    void add(const Token& token, Rights wanted);

    Rights rights;    // of all tokens for it, together
    std::string who;  // the first of them that has a right that was wanted, else the first
    bool known = false;
  };
  // Takes the same time for every secret that is none.
  Shown look_at(const crypto::Sha256Digest& digest, Rights wanted) const;
  Shown look_at(std::span<const std::string> certificate, Rights wanted) const;
  Verdict judge_token(Rights wanted, std::string_view authorization, std::string_view address,
                      Clock::time_point now) const;

  std::vector<Token> tokens_;
  Rights given_;  // by any token
  AttemptLimiter& limiter_;
};

}  // namespace ncps::access
