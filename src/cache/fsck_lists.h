// Two long lists in the order of their names, read page by page and side by side: what lies in the
// store, and the rows of the database.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "db/inventory.h"
#include "storage/blob_store.h"

namespace ncps::cache {

// The files of some folders by their names, without those that do not belong where they lie: these
// are counted. Names must have the order of the keys, and so must the folders.
class StoreList {
 public:
  // What lies under a key; nullopt: it does not belong there.
  using NameOf = std::function<std::optional<std::string>(const storage::BlobKey& key)>;
  StoreList(storage::BlobStore& store, std::vector<storage::BlobKey> folders, NameOf name_of);

  struct Entry {
    std::string name;
    std::uint64_t size;
    db::Time modified;
  };

  // The next one; nullptr: the end. Errors: unavailable.
  Task<const Entry*> peek();
  Entry take();
  std::uint64_t strange() const noexcept { return strange_; }

 private:
  storage::BlobStore& store_;
  const std::vector<storage::BlobKey> folders_;
  const NameOf name_of_;
  std::deque<Entry> page_;
  std::size_t at_ = 0;  // of the folders
  std::string last_;
  std::uint64_t strange_ = 0;
};

// The rows, each with its name.
template <class Row>
class RowList {
 public:
  using Load = std::function<Task<db::Page<Row>>(std::string after)>;
  using NameOf = std::function<std::string(const Row&)>;
  RowList(Load load, NameOf name_of) : load_(std::move(load)), name_of_(std::move(name_of)) {}

  struct Entry {
    std::string name;
    Row row;
  };

  Task<const Entry*> peek() {
    while (page_.empty() && !end_) {
      auto after = last_;
      CO_TRY(auto page, co_await load_(std::move(after)));
      end_ = page.end;
      last_ = page.last;
      unreadable_ += page.unreadable;
      for (auto& row : page.entries) {
        auto name = name_of_(row);
        page_.push_back({std::move(name), std::move(row)});
      }
    }
    co_return page_.empty() ? nullptr : &page_.front();
  }

  Entry take() {
    auto first = std::move(page_.front());
    page_.pop_front();
    return first;
  }
  std::uint64_t unreadable() const noexcept { return unreadable_; }

 private:
  const Load load_;
  const NameOf name_of_;
  std::deque<Entry> page_;
  std::string last_;
  bool end_ = false;
  std::uint64_t unreadable_ = 0;
};

// A name, with what either list has under it.
template <class Row>
struct Pair {
  std::string name;
  std::optional<StoreList::Entry> lying;
  std::optional<Row> row;
};

// The next name of both; nullopt: the end of both.
template <class Row>
Task<std::optional<Pair<Row>>> next_pair(StoreList& files, RowList<Row>& rows) {
  CO_TRY(const auto* file, co_await files.peek());
  CO_TRY(const auto* row, co_await rows.peek());
  if (file == nullptr && row == nullptr) co_return std::nullopt;
  bool has_file = file != nullptr && (row == nullptr || file->name <= row->name);
  bool has_row = row != nullptr && (file == nullptr || row->name <= file->name);
  Pair<Row> pair;
  pair.name = has_file ? file->name : row->name;
  if (has_file) pair.lying = files.take();
  if (has_row) pair.row = rows.take().row;
  co_return pair;
}

}  // namespace ncps::cache
