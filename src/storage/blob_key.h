// The name of a blob: a relative path such as "store/nar/0/0a/0a….nar.xz".
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps::storage {

// One or more segments of [0-9a-zA-Z._+=?-]; none empty, "." or "..". So a key cannot leave its
// store. '+', '=' and '?' are there because names of derivations have them: a store that makes URLs
// of keys must percent-encode them.
class BlobKey {
 public:
  static Result<BlobKey> parse(std::string_view text);  // Errors: invalid
  const std::string& str() const noexcept { return text_; }

  friend auto operator<=>(const BlobKey&, const BlobKey&) = default;

 private:
  explicit BlobKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace ncps::storage
