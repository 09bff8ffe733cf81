#include "cache/verification.h"

#include <exception>

namespace ncps::cache {

boost::asio::awaitable<void> Verification::run(std::shared_ptr<Verification> verification,
                                               Check check, std::shared_ptr<Spool> spool) {
  Result<void> result = fail(ErrorKind::internal, "the verification ended without a result");
  try {
    result = co_await check();
  } catch (
      const std::exception& e) {  // a bug, or no memory: nobody may wait for ever because of it
    result = fail(ErrorKind::internal, e.what());
  }
  if (!result) spool->fail(result.error());
  verification->result_.with([&](auto& slot) { slot.emplace(std::move(result)); });
  verification->done_.notify();
}

Task<void> Verification::outcome() {
  for (;;) {
    auto seen = done_.version();
    auto result = result_.with([](auto& slot) { return slot; });
    if (result) co_return std::move(*result);
    co_await done_.wait_past(seen, Deadline::never());  // run() ends in every case
  }
}

}  // namespace ncps::cache
