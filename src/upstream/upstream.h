// Upstream: one binary cache that we may ask.
//
// Thread-safe. Errors of every function: upstream (it failed, or answered what makes no sense; the
// message names it), timeout (the deadline passed). Both mean "could not find out".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/live.h"
#include "nix/store_path_hash.h"
#include "rt/byte_source.h"
#include "rt/deadline.h"

namespace ncps::upstream {

// A NAR's file on its way.
struct NarBody {
  std::uint64_t first_byte;            // of the file; 0 if the upstream ignored our range
  std::optional<std::uint64_t> total;  // bytes of the whole file; absent if it does not say
  std::unique_ptr<ByteSource> bytes;   // its end is the end of the file, or an Error says it broke
};

struct NarHead {
  std::optional<std::uint64_t> total;
};

class Upstream {
 public:
  virtual ~Upstream() = default;

  virtual const std::string& name() const noexcept = 0;  // its URL, without secrets
  virtual int priority() const noexcept = 0;             // lower is asked first

  // The narinfo's text, unverified. nullopt: it says that it has none (404, 410, 403 as S3 does).
  virtual Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                        Deadline deadline) = 0;

  // The file behind the URL line of a narinfo (relative or absolute), from `first_byte` on if it
  // can. The deadline is for the beginning of the answer. nullopt: missing there.
  virtual Task<std::optional<NarBody>> open_nar(std::string url, std::uint64_t first_byte,
                                                Deadline deadline) = 0;

  // Whether it has that file, without fetching it. nullopt: missing there.
  virtual Task<std::optional<NarHead>> find_nar(std::string url, Deadline deadline) = 0;
};

// In the order in which they are asked: by priority, equal ones as added.
using UpstreamList = std::vector<std::shared_ptr<Upstream>>;
void add(UpstreamList& list, std::shared_ptr<Upstream> upstream);

// All that there are. Replaced as a whole when the options change: whoever works with a list, or with one of
// it, keeps it until the work is done.
using UpstreamSet = Live<UpstreamList>;

}  // namespace ncps::upstream
