#include "app/alone.h"

#include <unistd.h>

#include "app/open_leases.h"
#include "rt/block_on.h"

namespace ncps::app {
namespace {

constexpr std::chrono::minutes kLasts{1};  // after a kill; it is renewed while we live
constexpr std::chrono::seconds kAskTime{10};

}  // namespace

Result<Alone> take_alone(const config::ServeOptions& options, Runtime& runtime) {
  Alone alone;
  TRY(alone.leases, open_leases(options, runtime));
  lock::Ask ask{.name = "fsck",
                .note = options.hostname + ", process " + std::to_string(::getpid()),
                .time_to_live = kLasts};
  TRY(auto taken,
      block_on(runtime, alone.leases->try_take(std::move(ask), Deadline::after(kAskTime))));
  if (auto* other = std::get_if<lock::Holder>(&taken))
    return fail(ErrorKind::conflict, "another fsck or import changes what is kept now (" +
                                         other->note +
                                         "): wait for its end; if it was killed, for a minute");
  alone.lease = std::move(std::get<std::unique_ptr<lock::Lease>>(taken));
  return alone;
}

}  // namespace ncps::app
