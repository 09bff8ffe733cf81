// Live<T>: a value that is replaced as a whole while others read it.
//
//   auto trust = trust_.now();   // a snapshot: stays as it is for as long as it is held
//
// Thread-safe. What is replaced lives on until its last reader lets go.
#pragma once

#include <memory>
#include <utility>

#include "base/guarded.h"

namespace ncps {

template <class T>
class Live {
 public:
  explicit Live(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> now() const {
    return value_.with([](const std::shared_ptr<const T>& v) { return v; });
  }

  void replace(T value) {
    auto fresh = std::make_shared<const T>(std::move(value));
    value_.with([&](std::shared_ptr<const T>& v) { v.swap(fresh); });
  }

 private:
  Guarded<std::shared_ptr<const T>> value_;
};

}  // namespace ncps
