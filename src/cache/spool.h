// Spool: a download as a growing file, with one writer and any number of readers.
//
// waiting -> growing -> arrived -> complete, or failed from anywhere. Readers sleep until there is
// more. A client's reader gets the last few KiB, and the end of any range, only once the bytes are
// complete and verified, so that what is wrong never ends cleanly; the verifier's reader gets
// everything that has arrived.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "rt/byte_source.h"
#include "rt/deadline.h"
#include "rt/signal.h"
#include "storage/blob_store.h"

namespace ncps::cache {

enum class SpoolState : std::uint8_t { waiting, growing, arrived, complete, failed };

enum class Tail : bool { held, open };

// Thread-safe; the functions of the writer are for one writer.
class Spool {
 public:
  static constexpr std::uint64_t kHeldBack = 4 * 1024;  // bytes

  struct View {
    SpoolState state = SpoolState::waiting;
    std::uint64_t size = 0;              // bytes that have arrived
    std::optional<std::uint64_t> total;  // bytes in the end; absent: nobody knows yet
    std::optional<ErrorKind> failure;    // of a failed one
    bool queued = true;                  // waits for its turn here: no upstream is asked yet
    bool follows = false;                // comes, or began to come, from another instance
    int fd = -1;                         // open for as long as the Spool lives, once growing
  };
  View view() const;

  // ---- who looks on ----
  // It counts as one more client for as long as what this gives lives. It may be copied.
  using Client = std::shared_ptr<const void>;
  static Client client(std::shared_ptr<Spool> spool);
  std::size_t clients_now() const noexcept { return clients_now_.load(); }
  std::size_t clients_ever() const noexcept { return clients_ever_.load(); }
  std::string comes_from() const;  // an upstream's name; empty: nobody has it, so far

  // ---- the writer ----
  void comes_from(std::string upstream);
  void leaves_queue();  // it is being fetched now; before, who waits is told that it waits for us
  void begin(std::unique_ptr<storage::StagedBlob> blob, std::optional<std::uint64_t> total);
  void follows();  // what comes now comes from another instance
  // It is not to be published, as far as we know: a store that is far away need not be sent any of it.
  void for_us_alone(bool alone);
  storage::StagedBlob& blob();  // REQUIRES: begun
  void grown();                 // after appending to its file
  void all_arrived();           // no more bytes will come; total is known now
  Result<void> complete();      // what arrived is right. Errors: what has failed it meanwhile
  void fail(Error error);  // for good; the first Error counts; after complete() nothing happens
  // Before it is published. False: it was discarded.
  bool is_kept();

  // ---- whoever removes what it would become ----
  // Who reads it reads on, and then it is gone. False: too late, it is being published.
  bool discard();

  // ---- readers ----
  // Waits until the bytes begin to come: then total is known if it can be. Errors: what failed;
  // timeout; unavailable, if it still waits for its turn.
  Task<View> started(Deadline deadline);

  // Waits until total is known. Errors: what failed; timeout.
  Task<View> sized(Deadline deadline);

  // `length` bytes from `first` on; absent: to the end. `client` is kept as long. REQUIRES: started.
  static std::unique_ptr<ByteSource> read(std::shared_ptr<Spool> spool, std::uint64_t first,
                                          std::optional<std::uint64_t> length, Tail tail,
                                          Client client = {});

 private:
  friend class SpoolReader;
  static Error too_late(const View& view);
  Task<View> wait_until(bool (*good)(const View&), Deadline deadline);
  struct State {
    View view;
    std::optional<Error> error;
    enum class Fate : std::uint8_t { open, kept, discarded } fate = Fate::open;
  };
  bool settle(State::Fate fate);
  std::unique_ptr<storage::StagedBlob> blob_;  // written once, by begin()
  bool alone_ = false;                         // the writer's
  Guarded<State> state_;
  Guarded<std::string> comes_from_;
  std::atomic<std::size_t> clients_now_ = 0, clients_ever_ = 0;
  Signal changed_;
};

// How far a reader may read, of what has arrived. Pure.
std::uint64_t readable(const Spool::View& view, Tail tail) noexcept;

}  // namespace ncps::cache
