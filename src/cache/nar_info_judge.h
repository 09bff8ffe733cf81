// NarInfoJudge: whether a narinfo's text is good enough to be kept, signed and served.
//
// The same for what an upstream sends and for what we kept: keys may have changed, files may have
// been damaged. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/live.h"
#include "nix/nar_info.h"
#include "rt/offload.h"
#include "rt/task.h"

namespace ncps::cache {

struct Trust {
  std::vector<nix::PublicKey> upstream_keys;  // empty: nothing can be verified
  std::vector<nix::SecretKey> signing_keys;   // each of them signs; empty: we sign nothing
  bool sign_unverified = false;               // sign also what no upstream key vouches for
};

struct Accepted {
  nix::NarInfo info;
  bool verified;  // by a trusted key
};

// accepted absent: a narinfo, but not for us, and why.
struct Judged {
  std::optional<Accepted> accepted;
  std::string why_not;
  // Signed in the name of a trusted key, but the signature does not fit: another key of that name, or
  // damage on the way.
  bool misfit = false;
};

class NarInfoJudge {
 public:
  NarInfoJudge(Pool& cpu, const Live<Trust>& trust) : cpu_(cpu), trust_(trust) {}

  // On the CPU pool. `text` must stay until this returns. Errors: corrupt: it cannot be what was
  // asked for.
  Task<Judged> judge(nix::StorePathHash hash, std::string_view text) const;

 private:
  Result<Judged> judge_now(const nix::StorePathHash& hash, std::string_view text) const;

  Pool& cpu_;  // parsing, signatures and hashes are not for an io thread
  const Live<Trust>& trust_;
};

}  // namespace ncps::cache
