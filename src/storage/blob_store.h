// Blobs by key: the only door to bytes at rest. Whatever is here has been verified before it came.
//
// Implementations: storage/local (a directory), storage/s3 (a bucket). All of them pass
// testing/blob_store_contract.h; what is not tested there is not promised here. Thread-safe, also
// for one key.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rt/byte_source.h"
#include "storage/blob_key.h"
#include "storage/spool_file.h"

namespace ncps::storage {

// An open blob. If it is removed or replaced meanwhile, who has begun to read it may go on, or gets
// an Error, but never bytes of another blob.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const noexcept = 0;  // bytes at rest
  // REQUIRES: first + length <= size().
  virtual std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) = 0;
};

// A blob that is being written. publish() makes it visible; if it is destroyed before that, nothing
// remains of it. One writer; must be gone before its store.
class StagedBlob {
 public:
  virtual ~StagedBlob() = default;

  // Where it is written. Anybody may read what is there, also after publish().
  virtual SpoolFile& file() noexcept = 0;

  // Something was appended, and will not change any more: a store that is far away may begin to
  // send it. Does not wait.
  virtual void grown() {}

  // Makes what is in the file the blob: visible whole or not at all, durable when this returns,
  // replacing an older one. At most once. Errors: unavailable; then the blob may be there or not.
  virtual Task<void> publish() = 0;
};

struct BlobEntry {
  BlobKey key;
  std::uint64_t size;                      // bytes at rest
  std::chrono::sys_seconds modified = {};  // when it was published, by the clock of the store
};

// How a store is opened. read: a call that would write fails.
enum class Access : bool { read, write };

enum class IfExists : bool { keep, replace };

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // nullptr: confirmed absent. Errors: unavailable (could not find out; never treat it as absent).
  virtual Task<std::unique_ptr<Blob>> open(BlobKey key) = 0;

  // The whole of a small document. nullopt: confirmed absent. Errors: unavailable.
  virtual Task<std::optional<std::string>> find_text(BlobKey key) = 0;

  // A small document, visible whole or not at all, durable when this returns.
  // Errors: conflict (it exists, and is to be kept), unavailable.
  virtual Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) = 0;

  // A new blob to write, still empty. Errors: unavailable.
  virtual Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) = 0;

  // Removing what is not there succeeds. Errors: unavailable.
  virtual Task<void> remove(BlobKey key) = 0;

  // The next blobs below `folder` ("store/nar"), at most kListed: those whose keys come after
  // `after`, ordered by the bytes of their keys. So the last key of a page asks for the next one; an
  // empty page is the end. What comes or goes meanwhile is listed or not. Errors: unavailable.
  virtual Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) = 0;
  static constexpr std::size_t kListed = 1000;

  // What processes that are gone have left of blobs that never got their names, a line for each; at
  // most kListed. A start removes it. Errors: unavailable.
  virtual Task<std::vector<std::string>> leftovers() {
    co_return Result<std::vector<std::string>>(std::vector<std::string>());
  }

  // The time is up: what waits for something far away fails soon, and whatever comes later.
  virtual void cut_off() {}
};

}  // namespace ncps::storage
