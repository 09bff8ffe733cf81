// ObjectFetcher: an object of a binary cache (nix/object_path.h) from the upstreams into the store.
//
// Nothing of an object can be verified here: logs and debug links are unsigned, realisations carry
// signatures that the client checks. So they are passed on as they are, but whole, of a bounded
// size, and, apart from logs, in the shape of a JSON object: no error page is kept. Thread-safe.
#pragma once

#include <memory>

#include "nix/object_path.h"
#include "rt/deadline.h"
#include "rt/offload.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

// Of what clients send, too.
std::uint64_t max_object_bytes(nix::ObjectKind kind);

enum class Presence : bool { absent, at_rest };

class ObjectFetcher {
 public:
  ObjectFetcher(storage::BlobStore& store, const upstream::UpstreamSet& upstreams, Pool& disk)
      : store_(store), upstreams_(upstreams), disk_(disk) {}

  // absent: every upstream says that it has none. Errors: upstream, timeout, corrupt (what one has
  // cannot be it), and no other has it; unavailable (our store).
  Task<Presence> fetch(nix::ObjectPath path, Deadline deadline);

 private:
  using Staged = std::unique_ptr<storage::StagedBlob>;
  Task<Staged> fetch_from(upstream::Upstream& upstream, const nix::ObjectPath& path,
                          Deadline deadline);  // nullptr: missing there
  Task<Staged> copy(upstream::FileBody& body, const nix::ObjectPath& path, Deadline deadline);

  storage::BlobStore& store_;
  const upstream::UpstreamSet& upstreams_;
  Pool& disk_;
};

}  // namespace ncps::cache
