#include "storage/temp_limit.h"

#include <atomic>
#include <string>
#include <utility>

namespace ncps::storage {
namespace {

using Total = std::shared_ptr<std::atomic<std::uint64_t>>;

class Counted final : public StagedBlob {
 public:
  Counted(std::unique_ptr<StagedBlob> inner, Total total, OncePublished then)
      : inner_(std::move(inner)), total_(std::move(total)), then_(then) {}
  ~Counted() override { count(0); }

  SpoolFile& file() noexcept override { return inner_->file(); }

  void grown() override {
    count(inner_->file().size());
    inner_->grown();
  }

  Task<void> publish() override {
    auto published = co_await inner_->publish();
    if (published && then_ == OncePublished::at_rest) count(0);
    co_return published;
  }

 private:
  void count(std::uint64_t bytes) { *total_ += bytes - std::exchange(counted_, bytes); }

  const std::unique_ptr<StagedBlob> inner_;
  const Total total_;
  const OncePublished then_;
  std::uint64_t counted_ = 0;  // the writer's
};

class LimitedBlobStore final : public BlobStore {
 public:
  LimitedBlobStore(std::unique_ptr<BlobStore> inner, std::uint64_t limit, OncePublished then)
      : inner_(std::move(inner)), limit_(limit), then_(then) {}

  Task<std::unique_ptr<StagedBlob>> stage(BlobKey key) override {
    if (auto now = total_->load(); now >= limit_)
      co_return fail(ErrorKind::unavailable, key.str() + " is not begun: temporary files hold " +
                                                 std::to_string(now) + " bytes, and may hold " +
                                                 std::to_string(limit_) +
                                                 " (--cache-max-temp-size)");
    CO_TRY(auto staged, co_await inner_->stage(std::move(key)));
    co_return std::make_unique<Counted>(std::move(staged), total_, then_);
  }

  Task<std::unique_ptr<Blob>> open(BlobKey key) override { return inner_->open(std::move(key)); }
  Task<std::unique_ptr<Blob>> open_part(BlobKey key, Part part) override {
    return inner_->open_part(std::move(key), part);
  }
  Task<std::optional<std::uint64_t>> find(BlobKey key) override {
    return inner_->find(std::move(key));
  }
  Task<std::optional<std::string>> outside_url(BlobKey key, Asking asking) override {
    return inner_->outside_url(std::move(key), asking);
  }
  bool has_outside_urls() const noexcept override { return inner_->has_outside_urls(); }
  Task<std::optional<std::string>> find_text(BlobKey key) override {
    return inner_->find_text(std::move(key));
  }
  Task<void> put_text(BlobKey key, std::string text, IfExists if_exists) override {
    return inner_->put_text(std::move(key), std::move(text), if_exists);
  }
  Task<void> remove(BlobKey key) override { return inner_->remove(std::move(key)); }
  Task<std::vector<BlobEntry>> list(BlobKey folder, std::string after) override {
    return inner_->list(std::move(folder), std::move(after));
  }
  Task<void> check() override { return inner_->check(); }
  Task<std::vector<std::string>> leftovers() override { return inner_->leftovers(); }
  void cut_off() override { inner_->cut_off(); }
  std::uint64_t local_copies() const override { return inner_->local_copies(); }

 private:
  const std::unique_ptr<BlobStore> inner_;
  const std::uint64_t limit_;
  const OncePublished then_;
  const Total total_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace

std::unique_ptr<BlobStore> with_temp_limit(std::unique_ptr<BlobStore> inner, std::uint64_t limit,
                                           OncePublished then) {
  return std::make_unique<LimitedBlobStore>(std::move(inner), limit, then);
}

}  // namespace ncps::storage
