// What fsck has found, counted. For one coroutine at a time.
#pragma once

#include <string_view>

#include "base/error.h"
#include "cache/fsck.h"

namespace ncps::cache {

class FsckReport {
 public:
  // `name`: of the narinfo or NAR; `why`: what is known beyond that, or empty.
  void found(Flaw flaw, std::string_view name, std::string_view why = {});
  void mended(Flaw flaw) { ++summary_[flaw].mended; }
  // It could not be read, or not mended.
  void unchecked(std::string_view name, const Error& error);

  FsckSummary& summary() noexcept { return summary_; }

 private:
  void example(std::string line);

  FsckSummary summary_;
};

}  // namespace ncps::cache
