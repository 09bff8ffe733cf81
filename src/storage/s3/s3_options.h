// What a store in a bucket is told.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

#include "storage/blob_store.h"
#include "storage/s3/s3_address.h"

namespace ncps::s3 {

// Whether clients are given URLs of the bucket itself.
enum class OutsideUrls : bool { no, yes };

struct S3Options {
  AddressOptions address;
  std::string access_key, secret_key;  // both, or none: as credential_chain.h looks
  std::string storage_class;           // for what is written; empty: the bucket's own
  OutsideUrls outside_urls = OutsideUrls::no;
  std::size_t max_transfers = 2'048;               // of the client that it gets
  std::filesystem::path ca_file;                   // trusted over TLS; empty: as for upstreams
  std::map<std::string, std::string> environment;  // of this process
  std::filesystem::path
      spool;  // the folder of files that are being written: ours alone, or not there yet
  // read: nothing is made, changed or removed, nor are uploads that were left aborted.
  storage::Access access = storage::Access::write;
  // For uploads that were left, after the look at the start.
  std::chrono::milliseconds look_for_leftovers_each{std::chrono::hours(24)};
};

}  // namespace ncps::s3
