#include "cache/nar_info_upload.h"

#include "cache/feed.h"
#include "cache/nar_layout.h"
#include "cache/room.h"
#include "cache/upload_rules.h"
#include "codec/decompressor.h"
#include "nix/content_address.h"
#include "telemetry/span.h"

namespace ncps::cache {
namespace {

constexpr auto kTime = std::chrono::minutes(10);  // the NAR may have to be fetched, or read anew

bool vouched(const nix::NarInfo& info, const Trust& trust) {
  return vouched_upload(info, trust) ||
         nix::signed_by_any(nix::fingerprint(info), info.signatures, trust.upstream_keys);
}

Task<void> read_to_the_end(std::unique_ptr<ByteSource> source, Deadline deadline) {
  for (;;) {
    CO_TRY(auto piece, co_await source->next());
    if (piece_size(piece) == 0) co_return Result<void>();
    if (deadline.passed()) co_return fail(ErrorKind::timeout, "its NAR did not arrive in time");
  }
}

}  // namespace

Task<UploadAnswer> NarInfoUploads::put(nix::StorePathHash hash, std::string text,
                                       Elsewhere elsewhere) {
  trace::Span span("cache.put_narinfo");
  auto deadline = Deadline::after(kTime);
  auto parsed = nix::parse_nar_info(text);
  if (!parsed) co_return refuse(Verdict::unfit, "no narinfo: " + parsed.error().what());
  auto info = std::move(*parsed);
  if (info.store_path.hash() != hash)
    co_return refuse(Verdict::unfit, "it is the narinfo of " + info.store_path.str());
  auto url = nix::NarUrl::parse(info.url);
  if (!url || !url->query().empty())
    co_return refuse(Verdict::unfit, "its URL is none that can be served here: " + info.url);

  CO_TRY(auto held, co_await deps_.locks.narinfos.take(hash, deadline));
  CO_TRY(auto nar_held, co_await deps_.locks.nars.take(*url, deadline));
  auto nar = co_await find_nar(*url, elsewhere, deadline);
  if (!nar && nar.error().kind() == ErrorKind::corrupt)
    co_return refuse(Verdict::unfit, nar.error().what());
  if (!nar) co_return std::unexpected(std::move(nar).error());
  if (!*nar) co_return refuse(Verdict::unfit, "its NAR is not here, send it first: " + info.url);
  if (auto why = misfit(info, (*nar)->row, (*nar)->kept_as, (*nar)->size))
    co_return refuse(Verdict::unfit, std::move(*why));
  CO_TRY(auto objection, co_await check_contents(info, **nar, deadline));
  if (objection) co_return std::move(*objection);

  auto trust = deps_.trust.now();
  if (deps_.policy.now()->require_signature && !vouched_upload(info, *trust))
    co_return refuse(Verdict::untrusted, "no signature by a trusted upload key");
  CO_TRY(objection, co_await check_references(info, deadline));
  if (objection) co_return std::move(*objection);

  // A search that is under way would put an upstream's text over this one.
  CO_TRY(auto alone, co_await deps_.narinfos.hold(hash, deadline));
  while (!deadline.passed()) {
    CO_TRY(auto answer, co_await try_keep(info, text, **nar, *trust));
    if (answer) co_return std::move(*answer);
  }
  co_return fail(ErrorKind::timeout, "others kept changing the narinfo of that path");
}

Task<std::optional<UploadAnswer>> NarInfoUploads::try_keep(const nix::NarInfo& sent,
                                                           const std::string& text,
                                                           const KnownNar& nar,
                                                           const Trust& trust) {
  auto info = sent;
  auto keeps = text;
  CO_TRY(auto before, co_await kept_before(sent.store_path.hash()));
  if (before.info && nix::fingerprint(*before.info) == nix::fingerprint(sent)) {
    auto merged = with_signatures_of(info, *before.info);
    if (merged != info) keeps = nix::print_nar_info(info = std::move(merged));
  } else if (before.info && vouched(*before.info, trust) && !vouched(sent, trust)) {
    co_return refuse(Verdict::conflict,
                     "a signed narinfo of that path is here, and says something else; delete it "
                     "first, or sign this one");
  }
  if (keeps.size() > nix::kMaxNarInfoBytes)
    co_return refuse(Verdict::too_large, "with the signatures that it has here it is too large");
  auto kept = co_await keep(info, std::move(keeps), nar, std::move(before.text));
  if (!kept && is_no_room(kept.error()))
    co_return refuse(Verdict::no_room, "there is no room for it here now");
  if (!kept) co_return std::unexpected(std::move(kept).error());
  if (!*kept) co_return std::nullopt;
  co_return UploadAnswer{};
}

Task<std::optional<KnownNar>> NarInfoUploads::find_nar(const nix::NarUrl& url, Elsewhere elsewhere,
                                                       Deadline deadline) {
  CO_TRY(auto nar, co_await deps_.nar_uploads.find(url, deadline));
  if (nar || elsewhere == Elsewhere::not_asked) co_return std::move(nar);
  auto opened = co_await deps_.nars.open(url, deadline);
  if (!opened && opened.error().kind() == ErrorKind::not_found) co_return std::nullopt;
  if (!opened) co_return std::unexpected(std::move(opened).error());
  CO_TRY(co_await read_to_the_end(opened->read(0, opened->size()), deadline));
  // It is at rest a moment after its last byte, when its download has ended.
  CO_TRY(co_await deps_.nars.arrived(url, deadline));
  co_return co_await deps_.nar_uploads.find(url, deadline);
}

// A path that is to follow from the contents of a file needs these looked at; of one that follows
// from its NAR the NarHash has said it all.
Task<NarInfoUploads::Objection> NarInfoUploads::check_contents(const nix::NarInfo& info,
                                                               const KnownNar& nar,
                                                               Deadline deadline) {
  auto claim = nix::content_claim(info);
  if (!claim || !claim->of_file) co_return std::nullopt;
  auto key = nar_key(nar.row.url);
  CO_TRY(auto blob, co_await deps_.store.open(key));
  if (!blob) co_return refuse(Verdict::unfit, "its NAR is not here, send it first: " + info.url);
  CO_TRY(auto decompressor, codec::make_decompressor(nar.kept_as));
  nix::FileInNar file;
  auto hash = [&](std::string_view part) -> Result<void> {
    file.feed(part);
    return {};
  };
  auto decompress = [&](std::string_view part) { return decompressor->feed_some(part, hash); };
  auto source = blob->read(0, blob->size());
  CO_TRY(co_await feed_in_turns(*source, deps_.cpu, deadline, decompress));
  auto finish = [&] { return decompressor->finish(hash); };
  CO_TRY(co_await offload(deps_.cpu, std::move(finish)));
  if (file.finish() == claim->of_file) co_return std::nullopt;
  co_return refuse(Verdict::unfit, "its CA line does not fit its contents");
}

Task<NarInfoUploads::Objection> NarInfoUploads::check_references(const nix::NarInfo& info,
                                                                 Deadline deadline) {
  if (!deps_.policy.now()->require_references) co_return std::nullopt;
  for (const auto& reference : info.references) {
    if (reference == info.store_path) continue;
    CO_TRY(auto found, co_await deps_.narinfos.find(reference.hash(), Asked::by_head, deadline));
    if (!found)
      co_return refuse(Verdict::unfit, "it refers to " + reference.str() +
                                           ", which is neither here nor at an upstream");
  }
  co_return std::nullopt;
}

// What cannot be read any more stands against nothing.
Task<NarInfoUploads::Before> NarInfoUploads::kept_before(const nix::StorePathHash& hash) {
  Before before;
  CO_TRY(auto row, co_await deps_.catalog.find_narinfo(hash));
  std::optional<std::string> text;
  if (row) {
    before.text = row->text;
    text = std::move(row->text);
  } else {
    auto key = narinfo_key(hash);
    CO_TRY(text, co_await deps_.store.find_text(key));
  }
  if (!text) co_return before;
  if (auto info = nix::parse_nar_info(*text)) before.info = std::move(*info);
  co_return before;
}

// The mark first: a narinfo without it would be taken for an upstream's. The row last: who has written
// it has written the file after everybody whose text came before.
Task<bool> NarInfoUploads::keep(const nix::NarInfo& info, std::string text, const KnownNar& nar,
                                std::optional<std::string> before) {
  CO_TRY(co_await marks_.put(info));
  auto hash = info.store_path.hash();
  auto key = narinfo_key(hash);
  CO_TRY(co_await put_text_in_room(deps_.store, key, text, deps_.space));
  db::NarInfoRow row{.hash = hash,
                     .text = std::move(text),
                     .upstream = {},
                     .nar_url = nar.row.url,
                     .uploaded = true};
  CO_TRY(bool replaced, co_await deps_.catalog.uploads().replace_narinfo(std::move(row), nar.row,
                                                                         std::move(before)));
  if (!replaced) CO_TRY(co_await write_as_the_row_says(hash));
  co_return replaced;
}

// Somebody else's came first: what we have written must not stay, whatever becomes of ours.
Task<void> NarInfoUploads::write_as_the_row_says(const nix::StorePathHash& hash) {
  auto key = narinfo_key(hash);
  std::string written;
  for (int i = 0; i < 3; ++i) {  // it may change once more meanwhile
    CO_TRY(auto row, co_await deps_.catalog.find_narinfo(hash));
    if (!row || row->text == written) break;
    written = row->text;
    CO_TRY(co_await put_text_in_room(deps_.store, key, written, deps_.space));
  }
  co_return Result<void>();
}

}  // namespace ncps::cache
