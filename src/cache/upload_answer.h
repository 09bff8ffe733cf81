// What becomes of an upload.
#pragma once

#include <string>
#include <utility>

#include "cache/key_locks.h"
#include "nix/nar_url.h"
#include "nix/store_path_hash.h"

namespace ncps::cache {

enum class Verdict : std::uint8_t {
  kept,       // it is here now
  here,       // it was, the very same
  unfit,      // it cannot be what its name, or its narinfo, says
  untrusted,  // nobody whom we trust vouches for it
  conflict,   // something else has that name
  too_large,
  no_room,  // the disk is full
  busy,     // too many are being sent
};

struct UploadAnswer {
  Verdict verdict = Verdict::kept;
  std::string why;  // of a refusal: for the client
};

inline UploadAnswer refuse(Verdict verdict, std::string why) {
  return {.verdict = verdict, .why = std::move(why)};
}

// An Error of ours may be an answer: a full disk.
inline bool is_no_room(const Error& error) {
  return error.no_space();
}

// Uploads and removals of one name never meet.
struct UploadLocks {
  KeyLocks<nix::StorePathHash> narinfos;  // taken first
  KeyLocks<nix::NarUrl> nars;
};

}  // namespace ncps::cache
