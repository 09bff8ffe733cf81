#include "config/raw_values.h"

#include "config/option_table.h"

namespace ncps::config {
namespace {

std::vector<std::string> split_at_commas(const std::vector<std::string>& values) {
  std::vector<std::string> out;
  for (std::string_view rest : values) {
    for (;;) {
      auto comma = rest.find(',');
      if (auto item = rest.substr(0, comma); !item.empty()) out.emplace_back(item);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return out;
}

}  // namespace

RawValues with_environment_and_defaults(RawValues given, const Environment& environment) {
  for (const auto& option : option_table()) {
    auto it = given.find(option.flag);
    if (it == given.end()) {
      auto set = environment(option.env);
      if (set && !set->empty()) {
        RawValue value{{std::move(*set)}, "the variable " + std::string(option.env)};
        it = given.emplace(option.flag, std::move(value)).first;
      } else if (!option.fallback.empty()) {
        it = given.emplace(option.flag, RawValue{{std::string(option.fallback)}, "the default"})
                 .first;
      }
    }
    if (it == given.end() || option.kind != Kind::list) continue;
    it->second.values = split_at_commas(it->second.values);
    if (it->second.values.empty()) given.erase(it);
  }
  return given;
}

}  // namespace ncps::config
