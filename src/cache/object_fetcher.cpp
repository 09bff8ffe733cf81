#include "cache/object_fetcher.h"

#include "cache/nar_layout.h"
#include "nix/json_object.h"
#include "rt/signal.h"
#include "telemetry/log.h"

namespace ncps::cache {
namespace {

constexpr auto kOpenTime = std::chrono::seconds(10);  // for one answer to begin, retries included
constexpr auto kPause = std::chrono::milliseconds(100);  // after a body that broke
constexpr unsigned kTries = 3;                           // of one upstream whose bodies break

std::unexpected<Error> too_large() {
  return fail(ErrorKind::corrupt, "it is larger than it may be");
}

}  // namespace

// Real logs have megabytes, listings of large packages, too; the others have a few hundred bytes.
std::uint64_t max_object_bytes(nix::ObjectKind kind) {
  switch (kind) {
    case nix::ObjectKind::listing:
    case nix::ObjectKind::log: return 64 << 20;
    case nix::ObjectKind::realisation:
    case nix::ObjectKind::build_trace:
    case nix::ObjectKind::debug_info: break;
  }
  return 1 << 20;
}

Task<Presence> ObjectFetcher::fetch(nix::ObjectPath path, Deadline deadline) {
  std::optional<Error> trouble;
  for (const auto& upstream : upstream::good_first(*upstreams_.now())) {
    auto blob = co_await fetch_from(*upstream, path, deadline);
    if (blob && *blob) {
      CO_TRY(co_await (*blob)->publish());
      co_return Presence::at_rest;
    }
    if (blob) continue;
    // What is unavailable is ours, the disk: no other upstream helps.
    if (blob.error().kind() == ErrorKind::unavailable)
      co_return std::unexpected(std::move(blob).error());
    log::warn(
        "an upstream could not be asked",
        {{"object", path.str()}, {"upstream", upstream->name()}, {"error", blob.error().what()}});
    trouble = std::move(blob).error();
  }
  if (trouble) co_return std::unexpected(std::move(*trouble));
  co_return Presence::absent;
}

Task<ObjectFetcher::Staged> ObjectFetcher::fetch_from(upstream::Upstream& upstream,
                                                      const nix::ObjectPath& path,
                                                      Deadline deadline) {
  for (unsigned tries = 1;; ++tries) {
    auto opened =
        co_await upstream.open_file(path.url(), 0, fetch::Decode::yes, deadline.at_most(kOpenTime));
    if (!opened)
      co_return std::unexpected(std::move(opened).error().while_doing("asking for " + path.str()));
    if (!*opened) co_return nullptr;
    auto body = std::move(**opened);
    auto blob = co_await copy(body, path, deadline);
    if (blob) co_return std::move(blob);
    auto error = std::move(blob).error();
    body.bytes.reset();
    // One that stalled would only stall again, while the next could answer.
    bool broke = error.kind() == ErrorKind::upstream;
    if (!broke || tries == kTries || deadline.passed()) {
      co_return std::unexpected(
          std::move(error).while_doing(upstream.name() + ": reading " + path.str()));
    }
    co_await sleep_for(kPause);
  }
}

Task<ObjectFetcher::Staged> ObjectFetcher::copy(upstream::FileBody& body,
                                                const nix::ObjectPath& path, Deadline deadline) {
  const auto most = max_object_bytes(path.kind());
  if (body.total && *body.total > most) co_return too_large();
  CO_TRY(auto blob, co_await store_.stage(object_key(path)));
  std::optional<nix::JsonObjectCheck> json;
  if (path.kind() != nix::ObjectKind::log) json.emplace();
  for (;;) {
    CO_TRY(auto piece, co_await body.bytes->next());
    auto bytes = std::get<std::string_view>(piece);
    if (bytes.empty()) break;
    if (bytes.size() > most - blob->file().size()) co_return too_large();
    auto work = [&]() -> Result<void> {
      if (json) TRY(json->feed(bytes));
      return blob->file().append(bytes);
    };
    CO_TRY(co_await offload(disk_, std::move(work)));
    if (deadline.passed()) co_return fail(ErrorKind::timeout, "it did not arrive in time");
  }
  if (body.total && blob->file().size() != *body.total)
    co_return fail(ErrorKind::upstream, "the body has another length than announced");
  if (json) CO_TRY(json->finish());
  co_return std::move(blob);
}

}  // namespace ncps::cache
