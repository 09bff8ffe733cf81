// NarInfoUploads: narinfos that clients send.
//
// Kept only when it names the path that it is sent as, its NAR is at rest here and is what the
// narinfo says, and somebody whom we trust vouches for it, where that is asked for. What is kept is
// the client's text, with the signatures that we had; that a client sent it is in its row and in
// the store (upload_marks.h). Thread-safe.
#pragma once

#include <string>

#include "base/live.h"
#include "cache/nar_info_service.h"
#include "cache/nar_service.h"
#include "cache/nar_upload.h"
#include "cache/upload_marks.h"

namespace ncps::cache {

// What can change while we run.
struct UploadPolicy {
  bool require_signature = false;   // by an upload key, or by its contents
  bool require_references = false;  // here, or at an upstream
};

struct NarInfoUploadDeps {
  storage::BlobStore& store;
  db::Catalog& catalog;
  NarInfoService& narinfos;
  NarService& nars;
  NarUploads& nar_uploads;
  UploadLocks& locks;
  Pool& cpu;
  const Live<Trust>& trust;
  const Live<UploadPolicy>& policy;
  Space* space = nullptr;  // nullptr: nobody makes room
};

// Whether a NAR that is not here may be fetched for its narinfo: a client leaves out what we say to
// have, and at the root we say that of what an upstream has.
enum class Elsewhere : bool { not_asked, asked };

class NarInfoUploads {
 public:
  explicit NarInfoUploads(NarInfoUploadDeps deps) : deps_(deps), marks_(deps.store, deps.space) {}

  // Answers: kept, unfit, untrusted, conflict, too_large, no_room. Errors: unavailable, timeout.
  Task<UploadAnswer> put(nix::StorePathHash hash, std::string text, Elsewhere elsewhere);

 private:
  using Objection = std::optional<UploadAnswer>;

  Task<std::optional<KnownNar>> find_nar(const nix::NarUrl& url, Elsewhere elsewhere,
                                         Deadline deadline);
  Task<Objection> check_contents(const nix::NarInfo& info, const KnownNar& nar, Deadline deadline);
  Task<Objection> check_references(const nix::NarInfo& info, Deadline deadline);
  // What is kept of that path now.
  struct Before {
    std::optional<std::string> text;   // of its row
    std::optional<nix::NarInfo> info;  // of its row, or of the store's file
  };
  Task<Before> kept_before(const nix::StorePathHash& hash);
  // nullopt: another instance was quicker, and what is kept has to be looked at anew.
  Task<std::optional<UploadAnswer>> try_keep(const nix::NarInfo& sent, const std::string& text,
                                             const KnownNar& nar, const Trust& trust);
  // False: the row has another text than before; then the file says what the row does.
  Task<bool> keep(const nix::NarInfo& info, std::string text, const KnownNar& nar,
                  std::optional<std::string> before);
  Task<void> write_as_the_row_says(const nix::StorePathHash& hash);

  NarInfoUploadDeps deps_;
  UploadMarks marks_;
};

}  // namespace ncps::cache
