#include "cache/fsck_lists.h"

namespace ncps::cache {

StoreList::StoreList(storage::BlobStore& store, storage::BlobKey folder, KeyOf key_of)
    : store_(store), folder_(std::move(folder)), key_of_(std::move(key_of)) {}

Task<const StoreList::Entry*> StoreList::peek() {
  while (page_.empty() && !end_) {
    auto folder = folder_;
    auto after = last_;
    CO_TRY(auto page, co_await store_.list(std::move(folder), std::move(after)));
    end_ = page.empty();
    for (auto& blob : page) {
      last_ = blob.key.str();
      auto name = last_.substr(last_.rfind('/') + 1);
      if (key_of_(name) == blob.key) {
        page_.push_back({std::move(name), blob.size, blob.modified});
      } else {
        ++strange_;
      }
    }
  }
  co_return page_.empty() ? nullptr : &page_.front();
}

StoreList::Entry StoreList::take() {
  auto first = std::move(page_.front());
  page_.pop_front();
  return first;
}

}  // namespace ncps::cache
