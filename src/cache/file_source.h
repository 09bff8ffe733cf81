// FileSource: somebody who may have a NAR's file: an upstream, the instance that downloads it, our store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fetch/decode.h"
#include "nix/nar_url.h"
#include "peer/peer_reader.h"
#include "rt/deadline.h"
#include "rt/offload.h"
#include "storage/blob_store.h"
#include "upstream/upstream.h"

namespace ncps::cache {

// For one coroutine.
class FileSource {
 public:
  virtual ~FileSource() = default;

  virtual const std::string& name() const noexcept = 0;  // for the log

  // Empty: the upstream's file. Else the file as it is kept, or will be; of what we compress ourselves
  // two editions may differ in their bytes (docs/decisions/0007), and have to be compared.
  virtual const std::string& edition() const noexcept = 0;

  // From `first_byte` on, if it can; its pieces are in memory. nullopt: it does not have it. The deadline
  // is for the beginning. Errors: upstream, timeout.
  virtual Task<std::optional<upstream::FileBody>> open(std::uint64_t first_byte,
                                                       fetch::Decode decode, Deadline deadline) = 0;
};
using FileSources = std::vector<std::shared_ptr<FileSource>>;

struct NarSource {
  std::shared_ptr<upstream::Upstream> upstream;
  std::string url;  // as for Upstream::open_file
};

FileSources upstream_files(const std::vector<NarSource>& sources);

// What is given must outlive them.
std::shared_ptr<FileSource> peer_file(peer::PeerReader& peers, peer::PeerAt at, nix::NarUrl url);
std::shared_ptr<FileSource> store_file(storage::BlobStore& store, storage::BlobKey key, Pool& disk);

}  // namespace ncps::cache
