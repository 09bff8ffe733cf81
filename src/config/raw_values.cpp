#include "config/raw_values.h"

#include <algorithm>
#include <set>

#include "config/nearest.h"
#include "config/option_table.h"
#include "config/secret_file.h"

namespace ncps::config {
namespace {

// The three names of an option, or of what it was once called.
struct Names {
  std::string flag, env, key;
};

Names names_of(const OptionSpec& option) {
  return {std::string(option.flag), std::string(option.env), std::string(option.key)};
}

Names names_of(const OldName& old) {
  return {std::string(old.flag), std::string(old.env), std::string(old.key)};
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string> split_at_commas(const std::vector<std::string>& values) {
  std::vector<std::string> out;
  for (std::string_view rest : values) {
    for (;;) {
      auto comma = rest.find(',');
      if (auto item = trim(rest.substr(0, comma)); !item.empty()) out.emplace_back(item);
      if (comma == rest.npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return out;
}

// What is empty is not given: templates leave empty what nobody filled in.
std::optional<RawValue> filled(RawValue value) {
  std::erase(value.values, "");
  return value.values.empty() ? std::nullopt : std::optional(std::move(value));
}

class Gatherer {
 public:
  Gatherer(const GivenFlags& given, const Environment& environment,
           const std::optional<FileValues>& file)
      : given_(given), environment_(environment), file_(file) {}

  Gathered run() && {
    for (const auto& option : option_table()) gather_one(option);
    refuse_unknown_keys();
    return std::move(out_);
  }

 private:
  using Look = std::optional<RawValue> (Gatherer::*)(const Names&);

  std::optional<RawValue> on_command_line(const Names& names) {
    auto it = given_.find(names.flag);
    if (names.flag.empty() || it == given_.end()) return std::nullopt;
    return filled({it->second, names.flag});
  }

  std::optional<RawValue> in_environment(const Names& names) {
    auto set = names.env.empty() ? std::nullopt : environment_(names.env);
    if (!set || set->empty()) return std::nullopt;
    return RawValue{{std::move(*set)}, "the variable " + names.env};
  }

  std::optional<RawValue> in_file(const Names& names) {
    if (!file_ || names.key.empty()) return std::nullopt;
    known_keys_.insert(names.key);
    auto it = std::ranges::find(file_->entries, names.key, &FileEntry::key);
    if (it == file_->entries.end()) return std::nullopt;
    return filled({it->values, file_->name + " line " + std::to_string(it->line)});
  }

  static constexpr Look kLooks[] = {&Gatherer::on_command_line, &Gatherer::in_environment,
                                    &Gatherer::in_file};

  // Its own names in every source, then its old ones: the new name wins wherever they stand.
  std::optional<RawValue> find(const OptionSpec& option) {
    std::optional<RawValue> found;
    for (Look look : kLooks) {
      auto here = look_for(look, option);
      if (!found) found = std::move(here);
    }
    for (const auto& old : old_names()) {
      if (old.now != option.flag) continue;
      for (Look look : kLooks) {
        auto here = (this->*look)(names_of(old));
        if (!here) continue;
        if (old.note.empty()) warn_of_old_name(here->origin, names_of(option));
        if (!found) found = std::move(here);
      }
    }
    return found;
  }

  // By its own name, or that of a file with the secret.
  std::optional<RawValue> look_for(Look look, const OptionSpec& option) {
    auto names = names_of(option);
    auto found = (this->*look)(names);
    if (option.secret == Secret::no) return found;
    auto in_secret_file =
        (this->*look)({names.flag + "-file", names.env + "_FILE", names.key + "-file"});
    if (found || !in_secret_file) return found;
    in_secret_file->values.back().insert(0, "file:");
    return in_secret_file;
  }

  void warn_of_old_name(const std::string& origin, const Names& names) {
    out_.warnings.push_back(origin + " is an old name: write " + names.flag + " (" + names.env +
                            ", " + names.key + ")");
  }

  void gather_one(const OptionSpec& option) {
    auto found = find(option);
    if (found && option.effect == Effect::none) {
      out_.warnings.push_back(found->origin + " has no effect here: " + std::string(option.help));
    }
    if (found && option.kind == Kind::list) found->values = split_at_commas(found->values);
    if (found && option.kind != Kind::list && found->values.size() > 1) {
      mistake(option, found->origin, std::string(option.key) + " takes one value, not a list");
      return;
    }
    if (found && option.secret == Secret::yes && !read_secret_file(option, *found)) return;
    bool given = found && !found->values.empty();
    if (!given && !option.fallback.empty()) {
      found = RawValue{{std::string(option.fallback)}, "the default"};
      if (option.kind == Kind::list) found->values = split_at_commas(found->values);
    }
    if (given || !option.fallback.empty()) out_.values.emplace(option.flag, std::move(*found));
  }

  // False, with a mistake: it could not be read.
  bool read_secret_file(const OptionSpec& option, RawValue& value) {
    auto secret = resolve_secret(value.values.back());
    if (!secret) {
      mistake(option, value.origin, secret.error().what());
      return false;
    }
    value.values = {std::move(*secret)};
    return true;
  }

  // Always with the flag, as Reader says them: who needs some options only knows by it what concerns it.
  void mistake(const OptionSpec& option, const std::string& origin, const std::string& what) {
    auto flag = origin.contains(option.flag) ? "" : std::string(option.flag) + ": ";
    out_.mistakes.push_back(origin + ": " + flag + what);
  }

  void refuse_unknown_keys() {
    if (!file_) return;
    for (const auto& entry : file_->entries) {
      if (known_keys_.contains(entry.key)) continue;
      out_.mistakes.push_back(file_->name + " line " + std::to_string(entry.line) +
                              ": there is no key '" + entry.key + "'; did you mean '" +
                              nearest(entry.key, known_keys_) + "'?");
    }
  }

  const GivenFlags& given_;
  const Environment& environment_;
  const std::optional<FileValues>& file_;
  std::set<std::string, std::less<>> known_keys_;
  Gathered out_;
};

}  // namespace

Gathered gather(const GivenFlags& given, const Environment& environment,
                const std::optional<FileValues>& file) {
  return Gatherer(given, environment, file).run();
}

}  // namespace ncps::config
