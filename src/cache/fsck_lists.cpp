#include "cache/fsck_lists.h"

namespace ncps::cache {

StoreList::StoreList(storage::BlobStore& store, std::vector<storage::BlobKey> folders,
                     NameOf name_of)
    : store_(store), folders_(std::move(folders)), name_of_(std::move(name_of)) {}

Task<const StoreList::Entry*> StoreList::peek() {
  while (page_.empty() && at_ < folders_.size()) {
    auto folder = folders_[at_];
    auto after = last_;
    CO_TRY(auto page, co_await store_.list(std::move(folder), std::move(after)));
    if (page.empty()) ++at_;
    last_ = page.empty() ? std::string() : page.back().key.str();
    for (const auto& blob : page) {
      if (auto name = name_of_(blob.key)) {
        page_.push_back({std::move(*name), blob.size, blob.modified});
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
