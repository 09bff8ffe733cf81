// The folder of local copies: one file for each, named by its key, whole and synced before it has
// that name.
//
// It outlives the process: the next one takes over what it finds, unless others could write there: the
// folder must be ours alone, because what lies there is served. Several processes may share it; each counts what it found at
// its start and what it put there itself. Thread-safe. Blocking: for the disk pool.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "storage/blob_store.h"
#include "storage/spool_dir.h"

namespace ncps::storage {

class HotFiles {
 public:
  // Makes `folder`. Errors: unavailable: it cannot be made, or is somebody else's.
  static Result<std::unique_ptr<HotFiles>> open(const std::filesystem::path& folder);

  struct Found {
    std::string key;
    std::uint64_t size;
  };
  // What is there, the least recently used first (to ten minutes). Errors: unavailable.
  Result<std::vector<Found>> found() const;

  // nullptr: it is not there, or not of that size. Errors: unavailable.
  Result<std::unique_ptr<Blob>> read(const std::string& key, std::uint64_t size) const;

  Result<std::unique_ptr<SpoolFile>> create();                          // Errors: unavailable
  Result<void> publish(SpoolFile& file, const std::string& key) const;  // Errors: unavailable
  void remove(const std::string& key) const;  // what is not there is no error

 private:
  HotFiles(std::filesystem::path folder, std::unique_ptr<SpoolDir> spool_dir)
      : folder_(std::move(folder)), spool_dir_(std::move(spool_dir)) {}
  std::filesystem::path path_of(const std::string& key) const;

  const std::filesystem::path folder_;
  const std::unique_ptr<SpoolDir> spool_dir_;
};

}  // namespace ncps::storage
