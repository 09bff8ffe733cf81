// Reader: turns raw values into typed ones and collects the mistakes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/raw_values.h"

namespace ncps::config {

class Reader {
 public:
  explicit Reader(const RawValues& values) : values_(values) {}

  bool has(std::string_view flag) const { return values_.contains(flag); }

  // parse: text -> Result<T>. Without a value, `into` stays as it is.
  template <class T, class Parse>
  void one(std::string_view flag, T& into, Parse parse) {
    auto it = values_.find(flag);
    if (it == values_.end()) return;
    auto parsed = parse(it->second.values.back());
    if (parsed) {
      into = std::move(*parsed);
    } else {
      mistake(flag, it->second, it->second.values.back(), parsed.error().what());
    }
  }

  template <class T, class Parse>
  void many(std::string_view flag, std::vector<T>& into, Parse parse) {
    auto it = values_.find(flag);
    if (it == values_.end()) return;
    for (const auto& text : it->second.values) {
      auto parsed = parse(text);
      if (parsed) {
        into.push_back(std::move(*parsed));
      } else {
        mistake(flag, it->second, text, parsed.error().what());
      }
    }
  }

  // The value is looked at and thrown away.
  template <class Parse>
  void check(std::string_view flag, Parse parse) {
    auto it = values_.find(flag);
    if (it == values_.end()) return;
    for (const auto& text : it->second.values)
      if (auto parsed = parse(text); !parsed)
        mistake(flag, it->second, text, parsed.error().what());
  }

  void mistake(std::string what) { mistakes_.push_back(std::move(what)); }

  // What is required and was not given: no mistake of its own where a source could not be read.
  void missing(std::string what) { missing_.push_back(std::move(what)); }
  std::vector<std::string> take_missing() { return std::move(missing_); }
  std::vector<std::string> mistakes() && { return std::move(mistakes_); }

 private:
  // "the variable SERVER_ADDR: --server-addr 'nonsense' is no address; …". A secret is not shown,
  // nor what a URL holds of one.
  void mistake(std::string_view flag, const RawValue& raw, const std::string& text,
               const std::string& why);

  const RawValues& values_;
  std::vector<std::string> mistakes_, missing_;
};

Result<bool> parse_bool(
    std::string_view text);  // as Go: 1 t T true TRUE True, 0 f F false FALSE False
Result<unsigned> parse_count(std::string_view text);              // up to 1,000,000
Result<std::filesystem::path> parse_path(std::string_view text);  // made absolute

}  // namespace ncps::config
