// Where a bucket and its objects lie: what the options say, as hosts, paths and URLs.
//
// Virtual-host style (https://bucket.host/key) for Amazon, Google and Aliyun, which ask for it;
// path style (https://host/bucket/key) elsewhere, because every other server takes it, and where a
// bucket in the host cannot work: IP addresses, and over TLS a bucket with dots.
// Source: Amazon S3 User Guide, "Virtual hosting of buckets" and "Bucket naming rules".
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::s3 {

enum class ForcePathStyle : bool { no, yes };

struct AddressOptions {
  std::string bucket;
  std::string endpoint;  // "[http[s]://]host[:port][/path]"; without scheme: https; empty: Amazon's
  std::string region;    // empty: as Amazon's endpoint says, else us-east-1
  ForcePathStyle force_path_style = ForcePathStyle::no;
  std::string key_prefix;  // "a/b", put in front of every key; slashes at its ends do not count
};

class Address {
 public:
  // Errors: invalid, naming what is wrong; no message repeats user or password of an endpoint
  // (which may have none).
  static Result<Address> parse(const AddressOptions& options);

  const std::string& origin() const noexcept { return origin_; }  // "https://host:port"
  const std::string& host() const noexcept { return host_; }      // the Host header
  const std::string& region() const noexcept { return region_; }  // to sign for; never empty
  bool tls() const noexcept { return origin_.starts_with("https:"); }

  // Not encoded, as sigv4 takes them; encode_path makes them part of a URL.
  std::string object_path(std::string_view key) const;
  const std::string& bucket_path() const noexcept { return bucket_path_; }

  // The key of an object as listings have it, and back; empty if it lies outside of our prefix.
  std::string full_key(std::string_view key) const { return prefix_ + std::string(key); }
  std::string_view own_key(std::string_view full_key) const;

  // "bucket/prefix at https://host:port": for messages.
  std::string name() const;

 private:
  Address() = default;
  std::string origin_, host_, region_, bucket_;
  std::string bucket_path_;  // ends with '/' in virtual-host style only
  std::string prefix_;       // "a/b/", or empty
};

}  // namespace ncps::s3
