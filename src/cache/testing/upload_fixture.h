// UploadFixture: what takes uploads, over NarInfoFixture's store, catalog and services.
#pragma once

#include <deque>
#include <memory>

#include "cache/nar_info_upload.h"
#include "cache/object_upload.h"
#include "cache/removal.h"
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {

// A body in pieces of so many bytes, that may end in an Error.
class TextBody final : public ByteSource {
 public:
  explicit TextBody(std::string text, std::size_t step = 50'000, std::optional<Error> error = {})
      : text_(std::move(text)), step_(step), error_(std::move(error)) {}

  Task<Piece> next() override {
    auto piece = std::string_view(text_).substr(std::min(at_, text_.size()), step_);
    at_ += piece.size();
    if (piece.empty() && error_) co_return std::unexpected(*error_);
    co_return Piece(piece);
  }

 private:
  std::string text_;
  std::size_t step_, at_ = 0;
  std::optional<Error> error_;
};

struct UploadFixture : NarInfoFixture {
  // "kept", or what else became of it; "error: <kind>".
  static std::string said(const Result<UploadAnswer>& answer) {
    if (!answer) return "error: " + std::string(to_string(answer.error().kind()));
    switch (answer->verdict) {
      case Verdict::kept: return "kept";
      case Verdict::here: return "here";
      case Verdict::unfit: return "unfit";
      case Verdict::untrusted: return "untrusted";
      case Verdict::conflict: return "conflict";
      case Verdict::too_large: return "too large";
      case Verdict::no_room: return "no room";
      case Verdict::busy: return "busy";
    }
    return "";
  }

  std::string put_nar(const nix::NarUrl& url, const std::string& file,
                      std::uint64_t most = 1ul << 40) {
    TextBody body(file);
    return said(run(nar_uploads.put(url, body, most)));
  }
  std::string put_nar(const Sample& sample) { return put_nar(sample.url(), sample.file); }
  std::string put_info(const Sample& sample) { return put_info(sample.hash(), sample.text()); }
  std::string put_info(const nix::StorePathHash& hash, const std::string& text,
                       Elsewhere elsewhere = Elsewhere::not_asked) {
    return said(run(narinfo_uploads.put(hash, text, elsewhere)));
  }
  void send(const Sample& sample) {
    ASSERT_EQ(put_nar(sample), "kept");
    ASSERT_EQ(put_info(sample), "kept");
  }

  // As a client would get it from a process that has just started; empty: it would not.
  std::string served(const Sample& sample) {
    auto found = find(sample);
    return found && *found ? (*found)->text : std::string();
  }
  bool signed_by_us(const Sample& sample) {
    return served(sample).find("Sig: ours:") != std::string::npos;
  }
  // As if the database had been made anew.
  void lose_rows(const Sample& sample) {
    ASSERT_TRUE(run(real_catalog->uploads().remove_nar(sample.url())));
    ASSERT_FALSE(run(real_catalog->find_narinfo(sample.hash())).value());
  }

  // With it what takes uploads: it knows the services that were there before.
  void restart(Trust with) {
    NarInfoFixture::restart(std::move(with));
    std::destroy_at(&narinfo_uploads);
    std::destroy_at(&nar_uploads);
    std::construct_at(&nar_uploads, nar_upload_deps());
    std::construct_at(&narinfo_uploads, narinfo_upload_deps());
    std::destroy_at(&removal);
    std::construct_at(&removal, store, catalog, locks, *downloads, *service, remember);
  }
  void restart() { restart(trust()); }

  NarUploadDeps nar_upload_deps() {
    return {.store = store,
            .catalog = catalog,
            .downloads = *downloads,
            .locks = locks,
            .disk = disk,
            .cpu = cpu};
  }
  NarInfoUploadDeps narinfo_upload_deps() {
    return {.store = store,
            .catalog = catalog,
            .narinfos = *service,
            .nars = *nars,
            .nar_uploads = nar_uploads,
            .locks = locks,
            .cpu = cpu,
            .trust = live_trust,
            .policy = upload_policy};
  }

  nix::SecretKey builder = nix::SecretKey::generate("builder").value();
  Live<UploadPolicy> upload_policy{{}};
  UploadLocks locks;
  NarUploads nar_uploads{nar_upload_deps()};
  NarInfoUploads narinfo_uploads{narinfo_upload_deps()};
  ObjectUploads object_uploads{store, disk};
  Guarded<std::vector<nix::StorePathHash>> forgotten;  // by removals
  Removal::Forget remember = [this](const nix::StorePathHash& hash) {
    forgotten.with([&](auto& all) { all.push_back(hash); });
  };
  Removal removal{store, catalog, locks, *downloads, *service, remember};
};

}  // namespace ncps::cache
