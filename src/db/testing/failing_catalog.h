// FailingCatalog: a real catalog whose calls fail when a FaultPlan says so, by Catalog's names.
#pragma once

#include "base/testing/fault_plan.h"
#include "db/upload_rows.h"

namespace ncps::db {

class FailingCatalog : public Catalog, public UploadRows {
 public:
  FailingCatalog(Catalog& inner, ncps::testing::FaultPlan& plan) : inner_(inner), plan_(plan) {}

  Task<std::optional<NarInfoRow>> find_narinfo(nix::StorePathHash hash) override {
    CO_TRY(plan_.call("find_narinfo"));
    co_return co_await inner_.find_narinfo(hash);
  }
  Task<void> put_narinfo(NarInfoRow narinfo, NarRow nar) override {
    CO_TRY(plan_.call("put_narinfo"));
    co_return co_await inner_.put_narinfo(std::move(narinfo), std::move(nar));
  }
  Task<std::optional<NarRow>> find_nar(nix::NarUrl url) override {
    CO_TRY(plan_.call("find_nar"));
    co_return co_await inner_.find_nar(std::move(url));
  }
  Task<bool> claim(nix::NarUrl url, std::uint64_t fence) override {
    CO_TRY(plan_.call("claim"));
    co_return co_await inner_.claim(std::move(url), fence);
  }
  Task<void> mark_stored(nix::NarUrl url, std::uint64_t size, std::uint64_t fence = 0) override {
    CO_TRY(plan_.call("mark_stored"));
    co_return co_await inner_.mark_stored(std::move(url), size, fence);
  }
  Task<void> check() override {
    CO_TRY(plan_.call("check"));
    co_return co_await inner_.check();
  }
  Task<void> note_uses(Uses uses, std::chrono::sys_seconds when) override {
    CO_TRY(plan_.call("note_uses"));
    co_return co_await inner_.note_uses(std::move(uses), when);
  }
  UploadRows& uploads() override { return *this; }
  Task<void> put_nar(NarRow nar) override {
    CO_TRY(plan_.call("put_nar"));
    co_return co_await inner_.uploads().put_nar(std::move(nar));
  }
  Task<bool> replace_narinfo(NarInfoRow narinfo, NarRow nar,
                             std::optional<std::string> before) override {
    CO_TRY(plan_.call("replace_narinfo"));
    co_return co_await inner_.uploads().replace_narinfo(std::move(narinfo), std::move(nar),
                                                        std::move(before));
  }
  Task<std::vector<nix::StorePathHash>> narinfos_of(nix::NarUrl url) override {
    CO_TRY(plan_.call("narinfos_of"));
    co_return co_await inner_.uploads().narinfos_of(std::move(url));
  }
  Task<std::optional<nix::NarUrl>> remove_narinfo(nix::StorePathHash hash) override {
    CO_TRY(plan_.call("remove_narinfo"));
    co_return co_await inner_.uploads().remove_narinfo(hash);
  }
  Task<void> remove_nar(nix::NarUrl url) override {
    CO_TRY(plan_.call("remove_nar"));
    co_return co_await inner_.uploads().remove_nar(std::move(url));
  }

 private:
  Catalog& inner_;
  ncps::testing::FaultPlan& plan_;
};

}  // namespace ncps::db
