// FailingBlobStore: a real store whose calls fail when a FaultPlan says so. The names of the calls
// are those of BlobStore and StagedBlob; "append" gives out files on a disk that is full.
#pragma once

#include <fcntl.h>

#include <utility>

#include "base/testing/fault_plan.h"
#include "storage/blob_store.h"

namespace ncps::storage {

class FailingStagedBlob final : public StagedBlob {
 public:
  FailingStagedBlob(std::unique_ptr<StagedBlob> inner, ncps::testing::FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan) {
    if (plan_.call("append")) return;
    UniqueFd full(::open("/dev/full", O_RDWR | O_CLOEXEC));
    full_ = std::make_unique<SpoolFile>(std::move(full), std::filesystem::path());
  }

  SpoolFile& file() noexcept override { return full_ ? *full_ : inner_->file(); }
  void grown() override { inner_->grown(); }
  Task<void> publish() override {
    CO_TRY(plan_.call("publish"));
    co_return co_await inner_->publish();
  }

 private:
  std::unique_ptr<StagedBlob> inner_;
  ncps::testing::FaultPlan& plan_;
  std::unique_ptr<SpoolFile> full_;  // instead of its own
};

class FailingBlobStore : public BlobStore {
 public:
  FailingBlobStore(BlobStore& inner, ncps::testing::FaultPlan& plan) : inner_(inner), plan_(plan) {}

  Task<std::unique_ptr<Blob>> open(BlobKey key) override {
    CO_TRY(plan_.call("open"));
    co_return co_await inner_.open(std::move(key));
  }
  Task<std::unique_ptr<Blob>> open_part(BlobKey key, Part part) override {
    CO_TRY(plan_.call("open"));
    co_return co_await inner_.open_part(std::move(key), part);
  }
  Task<std::optional<std::uint64_t>> find(BlobKey key) override {
    CO_TRY(plan_.call("open"));
    co_return co_await inner_.find(std::move(key));
  }
  Task<std::optional<std::string>> outside_url(BlobKey key, Asking asking) override {
    return inner_.outside_url(std::move(key), asking);
  }
  Task<std::optional<std::string>> find_text(BlobKey key) override {
    CO_TRY(plan_.call("find_text"));
    co_return co_await inner_.find_text(std::move(key));
  }
  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    CO_TRY(plan_.call("put_text"));
    co_return co_await inner_.put_text(std::move(key), std::move(text), if_exists);
  }
  Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) override {
    CO_TRY(plan_.call("stage"));
    CO_TRY(auto staged, co_await inner_.stage(std::move(key)));
    co_return std::make_unique<FailingStagedBlob>(std::move(staged), plan_);
  }
  Task<void> remove(BlobKey key) override {
    CO_TRY(plan_.call("remove"));
    co_return co_await inner_.remove(std::move(key));
  }
  Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) override {
    CO_TRY(plan_.call("list"));
    co_return co_await inner_.list(std::move(folder), std::move(after));
  }
  Task<void> check() override {
    CO_TRY(plan_.call("check"));
    co_return co_await inner_.check();
  }
  Task<std::vector<std::string>> leftovers() override {
    CO_TRY(plan_.call("leftovers"));
    co_return co_await inner_.leftovers();
  }

 private:
  BlobStore& inner_;
  ncps::testing::FaultPlan& plan_;
};

}  // namespace ncps::storage
