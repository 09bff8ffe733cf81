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
  std::vector<nix::PublicKey> upload_keys;    // vouch for what clients send, not for upstreams
  bool sign_uploads = false;                  // sign also uploads that nobody vouches for
};

// Who sent a narinfo. What a client was allowed to send need not be signed by an upstream's key.
enum class SentBy : bool { upstream, client };

struct Accepted {
  nix::NarInfo info;
  bool verified;  // by a trusted key; or a client's, by its contents (nix/content_address.h)
  SentBy sent_by = SentBy::upstream;
};

// Whether our signature goes onto it.
bool to_be_signed(const Accepted& accepted, const Trust& trust);

// Whether somebody whom we trust on uploads vouches for it: an upload key, or its contents.
bool vouched_upload(const nix::NarInfo& info, const Trust& trust);

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
  Task<Judged> judge(nix::StorePathHash hash, std::string_view text,
                     SentBy sent_by = SentBy::upstream) const;

 private:
  Result<Judged> judge_now(const nix::StorePathHash& hash, std::string_view text,
                           SentBy sent_by) const;

  Pool& cpu_;  // parsing, signatures and hashes are not for an io thread
  const Live<Trust>& trust_;
};

}  // namespace ncps::cache
