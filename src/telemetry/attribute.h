// A name and a value: what a span, a log record or a resource says about itself.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace ncps::telemetry {

using Value = std::variant<std::string, std::int64_t, double, bool>;

template <class Key>
struct BasicAttribute {
  Key key;
  Value value;

  BasicAttribute(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  BasicAttribute(std::string_view k, const std::string& v) : key(k), value(v) {}
  BasicAttribute(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  BasicAttribute(std::string_view k, double v) : key(k), value(v) {}
  template <std::integral Int>
  BasicAttribute(std::string_view k, Int v) : key(k) {
    if constexpr (std::same_as<Int, bool>) {
      value = v;
    } else {
      value = static_cast<std::int64_t>(v);
    }
  }
};

// Its name is a literal: there are many of these.
using Attribute = BasicAttribute<std::string_view>;
// Its name is its own.
using ResourceAttribute = BasicAttribute<std::string>;

}  // namespace ncps::telemetry
