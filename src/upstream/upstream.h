// Upstream: one binary cache that we may ask.
//
// Thread-safe. Errors of every function: upstream (it failed, or answered what makes no sense; the
// message names it), timeout (the deadline passed). Both mean "could not find out".
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/live.h"
#include "fetch/decode.h"
#include "nix/store_path_hash.h"
#include "rt/byte_source.h"
#include "rt/deadline.h"
#include "rt/signal.h"

namespace ncps::upstream {

// A file on its way: a NAR, a log.
struct FileBody {
  std::uint64_t first_byte;            // of the file; 0 if the upstream ignored our range
  std::optional<std::uint64_t> total;  // bytes of the whole file; absent if it does not say
  std::unique_ptr<ByteSource> bytes;   // its end is the end of the file, or an Error says it broke
};

struct FileHead {
  std::optional<std::uint64_t> total;
};

// Whether an upstream is worth asking, from what became of the last requests and probes.
enum class Standing : std::uint8_t {
  good,
  doubtful,  // it failed lately: ask it where those in good standing could not help. It then makes
             // one attempt, without retries
  trying,    // as doubtful, and somebody is finding out at this moment
  refused,   // another StoreDir than ours: never ask it, whatever it has is not for us
};

class Upstream {
 public:
  virtual ~Upstream() = default;

  virtual const std::string& name() const noexcept = 0;  // its URL, without secrets

  // Lower is asked first. What the options say, else what its nix-cache-info said last, else 40.
  virtual int priority() const noexcept = 0;

  virtual Standing standing() const noexcept = 0;

  // How often it came back to good standing: what was found out before may not hold any more.
  virtual std::uint64_t returns() const noexcept = 0;

  // 95 of 100 of its narinfo answers came within this time lately; between 50 ms and 1 s.
  virtual std::chrono::milliseconds usual_delay() const noexcept = 0;

  // Asks for its nix-cache-info, once; standing and priority follow from the answer. Errors as
  // everywhere; what it says about another StoreDir is no Error.
  virtual Task<void> probe(Deadline deadline) = 0;

  // When the next probe is due; max(): never. Each probe moves it on.
  virtual Deadline::Clock::time_point next_probe() const noexcept = 0;

  // Notified when next_probe() has come nearer, and by whoever wants those who wait for it to look
  // around.
  virtual Signal& next_probe_nearer() noexcept = 0;

  // The narinfo's text, unverified. nullopt: it says that it has none (404, 410, 403 as S3 does).
  virtual Task<std::optional<std::string>> find_narinfo(nix::StorePathHash hash,
                                                        Deadline deadline) = 0;

  // The file behind the URL line of a narinfo, or another path (relative or absolute), from
  // `first_byte` on if it can. Decode::yes: positions and total are those of the decoded file, and
  // the total is absent if it came encoded. The deadline is for the beginning of the answer.
  // nullopt: missing there.
  virtual Task<std::optional<FileBody>> open_file(std::string url, std::uint64_t first_byte,
                                                  fetch::Decode decode, Deadline deadline) = 0;

  // Whether it has that file, without fetching it. nullopt: missing there.
  virtual Task<std::optional<FileHead>> find_file(std::string url, Deadline deadline) = 0;
};

using UpstreamList = std::vector<std::shared_ptr<Upstream>>;

// In the order in which they are asked: by priority, equal ones as in the list; refused ones not at
// all.
UpstreamList in_order(const UpstreamList& list);

// The same, those in good standing before the others, and `favourite` (a name) before all of its
// standing.
UpstreamList good_first(const UpstreamList& list, std::string_view favourite = {});

// All that there are, as configured. Replaced as a whole when the options change: whoever works
// with a list, or with one of it, keeps it until the work is done.
using UpstreamSet = Live<UpstreamList>;

}  // namespace ncps::upstream
