#include "cache/nar_service.h"

#include "cache/fetch_policy.h"
#include "cache/nar_layout.h"
#include "rt/sure_source.h"
#include "telemetry/span.h"

namespace ncps::cache {

namespace {

// Of a file at rest: SourceInUse, with the promise of what it holds.
class SureInUse final : public SureSource {
 public:
  SureInUse(std::unique_ptr<ByteSource> inner, InUse::Token token)
      : inner_(std::move(inner), std::move(token)) {}
  Task<Piece> next() override { return inner_.next(); }

 private:
  SourceInUse inner_;
};

}  // namespace

OpenNar::OpenNar(std::unique_ptr<storage::Blob> blob, InUse::Token token)
    : size_(blob->size()), how_("hit") {
  from_ = AtRest{std::move(blob), std::move(token)};
}

OpenNar::OpenNar(std::shared_ptr<Spool> spool, Spool::Client client,
                 std::optional<std::uint64_t> total, std::string_view how)
    : from_(Arriving{std::move(spool), std::move(client)}), size_(total), how_(how) {}

OpenNar::OpenNar(PassThrough direct)
    : from_(Passing{std::move(direct.bytes), std::move(direct.upstream)}),
      size_(direct.total),
      how_("miss") {}

std::string OpenNar::upstream() const {
  if (const auto* arriving = std::get_if<Arriving>(&from_)) return arriving->spool->comes_from();
  if (const auto* passing = std::get_if<Passing>(&from_)) return passing->upstream;
  return {};
}

std::weak_ptr<const storage::SharedFile> OpenNar::kept_open() const {
  const auto* rest = std::get_if<AtRest>(&from_);
  return rest != nullptr ? rest->blob->kept_open() : std::weak_ptr<const storage::SharedFile>();
}

std::unique_ptr<ByteSource> OpenNar::read(std::uint64_t first,
                                          std::optional<std::uint64_t> length) {
  if (auto* rest = std::get_if<AtRest>(&from_)) {
    auto source = rest->blob->read(first, length.value_or(rest->blob->size() - first));
    if (dynamic_cast<const SureSource*>(source.get()) != nullptr)
      return std::make_unique<SureInUse>(std::move(source), rest->token);
    return std::make_unique<SourceInUse>(std::move(source), rest->token);
  }
  if (auto* direct = std::get_if<Passing>(&from_))
    return part_of(std::move(direct->bytes), first, length);
  const auto& arriving = std::get<Arriving>(from_);
  return Spool::read(arriving.spool, first, length, Tail::held, arriving.client);
}

Task<void> OpenNar::wait_for_size(Deadline deadline) {
  if (size_) co_return Result<void>();
  if (std::holds_alternative<Passing>(from_)) co_return Result<void>();  // known only at its end
  CO_TRY(auto view, co_await std::get<Arriving>(from_).spool->sized(deadline));
  size_ = view.total;
  co_return Result<void>();
}

// The narinfo of the store path in its name leads to it, whether the row was lost, or a client
// knows the NAR by its upstream's URL, where we announced another.
Task<std::optional<db::NarRow>> NarService::find_by_store_path(const nix::NarUrl& url,
                                                               const nix::StorePathHash& hash,
                                                               Deadline deadline) {
  CO_TRY(auto narinfo, co_await catalog_.find_narinfo(hash));
  if (!narinfo && bring_) {
    CO_TRY(co_await bring_(hash, deadline));
    CO_TRY(narinfo, co_await catalog_.find_narinfo(hash));
  }
  if (!narinfo) co_return std::nullopt;
  CO_TRY(auto row, co_await catalog_.find_nar(narinfo->nar_url));
  if (!row || (row->url != url && row->upstream_url != url.str())) co_return std::nullopt;
  row->url = url;
  co_return row;
}

Task<DownloadJob> NarService::find_job(const nix::NarUrl& url, Deadline deadline) {
  CO_TRY(auto row, co_await catalog_.find_nar(url));
  if (row) co_return job_for(*row, *upstreams_.now());
  auto unknown = job_for_unknown(url, *upstreams_.now());
  if (auto hash = url.store_path_hash_in_name()) {
    auto found = co_await find_by_store_path(url, *hash, deadline);
    // A hash in the name is enough to fetch and verify it, whatever is wrong with its narinfo.
    if (!found && !unknown) co_return std::unexpected(std::move(found).error());
    if (found && *found) co_return job_for(**found, *upstreams_.now());
  }
  co_return unknown;
}

// Only when there is nobody to share with: where the disk is full nothing is on its way here.
Task<std::optional<OpenNar>> NarService::pass_through(const DownloadJob& job, Deadline deadline) {
  auto* space = downloads_.space();
  if (space == nullptr) co_return std::nullopt;
  auto size = job.expected.file_size.value_or(job.expected.nar_size.value_or(0));
  auto half = deadline.at_most(deadline.remaining() / 2);  // the rest is for an upstream
  auto room = co_await space->has_room(size, half);
  if (!room || *room) co_return std::nullopt;  // could not find out: as usual
  Error full(ErrorKind::unavailable, "the disk is full, and nothing could be evicted");
  space->complain(full);
  CO_TRY(auto direct, co_await open_pass_through(job, downloads_.cpu(), passing_, deadline));
  co_return OpenNar(std::move(direct));
}

// The way of every hit: what only others need stands in coroutines of their own, so that this one's frame is
// small enough for Asio to use it again.
Task<OpenNar> NarService::open(const nix::NarUrl& url, Deadline deadline,
                               std::optional<storage::Part> part, std::string_view from) {
  trace::Span span("cache.nar");
  span.set("ncps.nar", url.str());
  // Under way before at rest: a download leaves the first only once it is the second. What ends
  // between our two looks answers "conflict", and we look again.
  while (!deadline.passed()) {
    std::string_view how = "inflight";
    auto spool = downloads_.find(url);
    if (!spool) {
      CO_TRY(auto kept, co_await open_kept(url, part));
      if (kept) co_return std::move(*kept);
      CO_TRY(auto direct, co_await begin_download(url, deadline, from, spool));
      if (direct) co_return std::move(*direct);
      how = "miss";
    }
    auto started = co_await open_spool(std::move(spool), how, deadline);
    if (!started) {
      span.fail(started.error().what());
      co_return std::unexpected(std::move(started).error());
    }
    if (*started) co_return std::move(**started);
  }
  co_return fail(ErrorKind::timeout, "the NAR came and went until the deadline");
}

Task<std::optional<OpenNar>> NarService::begin_download(const nix::NarUrl& url, Deadline deadline,
                                                        std::string_view from,
                                                        std::shared_ptr<Spool>& spool) {
  CO_TRY(auto job, co_await find_job(url, deadline));
  CO_TRY(auto direct, co_await pass_through(job, deadline));
  if (direct) co_return std::move(*direct);
  spool = downloads_.join(std::move(job), std::string(from));
  co_return std::nullopt;
}

Task<std::optional<OpenNar>> NarService::open_spool(std::shared_ptr<Spool> spool,
                                                    std::string_view how, Deadline deadline) {
  auto client = Spool::client(spool);
  auto started = co_await spool->started(deadline);
  if (started && started->follows && how == "miss") how = "peer";
  if (started) co_return OpenNar(std::move(spool), std::move(client), started->total, how);
  if (started.error().kind() == ErrorKind::conflict) co_return std::nullopt;
  co_return std::unexpected(std::move(started).error());
}

Task<std::optional<std::string>> NarService::outside_url(const nix::NarUrl& url,
                                                         storage::Asking asking) {
  auto key = nar_key(url);
  CO_TRY(auto where, co_await store_.outside_url(key, asking));
  if (!where || downloads_.find(url)) co_return std::nullopt;
  CO_TRY(auto at_rest, co_await store_.find(key));
  if (!at_rest) co_return std::nullopt;
  co_return where;
}

Task<std::optional<OpenNar>> NarService::open_kept(const nix::NarUrl& url,
                                                   std::optional<storage::Part> part) {
  auto token = in_use_.hold(url);  // before it is opened: eviction looks here first
  auto opening = part ? store_.open_part(nar_key(url), *part) : store_.open(nar_key(url));
  CO_TRY(auto blob, co_await std::move(opening));
  if (!blob) co_return std::nullopt;
  co_return OpenNar(std::move(blob), std::move(token));
}

Task<std::optional<std::uint64_t>> NarService::size_of(nix::NarUrl url, Deadline deadline) {
  if (auto spool = downloads_.find(url)) {
    auto started = co_await spool->started(deadline);
    if (started) co_return started->total;
  }
  auto key = nar_key(url);
  CO_TRY(auto at_rest, co_await store_.find(key));
  if (at_rest) co_return at_rest;
  CO_TRY(auto job, co_await find_job(url, deadline));
  std::optional<Error> trouble;
  for (auto& source : job.sources) {
    // One that is silent must leave time for the next.
    auto by = deadline.at_most(kFirstByteTime);
    auto head = co_await source.upstream->find_file(source.url, by);
    if (head && *head) co_return job.intake == Intake::compressed ? std::nullopt : (*head)->total;
    if (!head) trouble = std::move(head).error();
  }
  co_return std::unexpected(trouble.value_or(Error(ErrorKind::not_found, "no upstream has it")));
}

}  // namespace ncps::cache
