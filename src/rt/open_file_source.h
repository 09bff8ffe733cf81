// OpenFileSource: a stretch of an open file. It is there already.
#pragma once

#include <memory>
#include <utility>

#include "rt/sure_source.h"

namespace ncps {

class OpenFileSource final : public SureSource {
 public:
  // `owner`: what keeps the descriptor open.
  OpenFileSource(std::shared_ptr<const void> owner, FileSpan span)
      : owner_(std::move(owner)), span_(span) {}

  Task<Piece> next() override {
    if (span_.length == 0) co_return Piece(std::string_view());
    auto all = span_;
    span_.length = 0;
    co_return Piece(all);
  }

 private:
  const std::shared_ptr<const void> owner_;
  FileSpan span_;
};

}  // namespace ncps
