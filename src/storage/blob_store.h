// Blobs by key: the only door to bytes at rest. Whatever is here has been verified before it came.
//
// Implementations: storage/local (a directory), storage/s3 (a bucket), storage/cached (local copies before
// another one). All of them pass testing/blob_store_contract.h; what is not tested there is not promised
// here. Thread-safe, also for one key.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rt/byte_source.h"
#include "storage/blob_key.h"
#include "storage/spool_file.h"

namespace ncps::storage {

struct SharedFile;

// An open blob. If it is removed or replaced meanwhile, who has begun to read it may go on, or gets
// an Error, but never bytes of another blob.
class Blob {
 public:
  virtual ~Blob() = default;
  virtual std::uint64_t size() const noexcept = 0;  // bytes at rest
  // Two blobs of one key and one version, which is not empty, hold the same bytes; as long as nobody
  // replaces a blob it mostly stays what it is. Empty: the store cannot tell.
  virtual std::string version() const { return {}; }
  // REQUIRES: first + length <= size().
  virtual std::unique_ptr<ByteSource> read(std::uint64_t first, std::uint64_t length) = 0;

  // The file that it is, if its store keeps that open for whoever comes next (file_blob.h). Until it is
  // retired it is the blob of that key, as long ago as its store looked. Empty: there is none.
  virtual std::weak_ptr<const SharedFile> kept_open() const { return {}; }
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
  // replacing an older one. Once, and once more after an Error for want of space, which fails again if bytes
  // may be lost (SpoolFile::spoiled). Errors: unavailable; then the blob may be there or not.
  virtual Task<void> publish() = 0;
};

struct BlobEntry {
  BlobKey key;
  std::uint64_t size;                      // bytes at rest
  std::chrono::sys_seconds modified = {};  // when it was published, by the clock of the store
};

// A part of a blob whose size is not known yet: its bytes from `first` to `last`, or to its end;
// without `first`: its last `last` bytes.
struct Part {
  std::optional<std::uint64_t> first;
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();  // inclusive
};
// How a store is opened. read: a call that would write fails.
enum class Access : bool { read, write };

enum class IfExists : bool { keep, replace };
enum class Asking : bool { get, head };  // the method of an HTTP request

class BlobStore {
 public:
  static constexpr std::size_t kMaxText = 16 << 20;  // bytes of a small document

  virtual ~BlobStore() = default;

  // nullptr: confirmed absent. Errors: unavailable (could not find out; never treat it as absent).
  virtual Task<std::unique_ptr<Blob>> open(BlobKey key) = 0;

  // The same, where probably only that part of it will be read: a store that is far away sends no
  // more. Any other part may be read all the same, and the part may lie beyond the end.
  virtual Task<std::unique_ptr<Blob>> open_part(BlobKey key, Part) { return open(std::move(key)); }

  // Bytes at rest, where nothing is to be read. nullopt: confirmed absent. Errors: unavailable.
  virtual Task<std::optional<std::uint64_t>> find(BlobKey key) {
    CO_TRY(auto blob, co_await open(std::move(key)));
    co_return blob ? std::optional(blob->size()) : std::nullopt;
  }

  // A URL under which anybody may have the blob by that method, without us and for some minutes: so
  // it is a secret. nullopt: there is none to be given. Whether the blob exists is not looked at.
  // Errors: unavailable.
  virtual Task<std::optional<std::string>> outside_url(BlobKey, Asking) { co_return std::nullopt; }

  // Whether outside_url() gives any: never, or whenever it can.
  virtual bool has_outside_urls() const noexcept { return false; }

  // The whole of a small document. nullopt: confirmed absent. Errors: unavailable, also if it is
  // larger than kMaxText: then it is none of ours.
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

  // Whether what is kept can be read now. Changes nothing. Errors: unavailable.
  virtual Task<void> check() = 0;

  // What processes that are gone have left of blobs that never got their names, a line for each; at
  // most kListed. A start removes it. Errors: unavailable.
  virtual Task<std::vector<std::string>> leftovers() {
    co_return Result<std::vector<std::string>>(std::vector<std::string>());
  }

  // The time is up: what waits for something far away fails soon, and whatever comes later.
  virtual void cut_off() {}

  // Bytes of copies beside the store, for speed.
  virtual std::uint64_t local_copies() const { return 0; }
};

}  // namespace ncps::storage
