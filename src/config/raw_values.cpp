#include "config/raw_values.h"

#include <algorithm>
#include <set>

#include "config/nearest.h"
#include "config/option_table.h"
#include "config/sayable.h"
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

class Gatherer {
 public:
  Gatherer(const GivenFlags& given, const Environment& environment,
           const std::optional<FileValues>& file)
      : given_(given), environment_(environment), file_(file) {}

  Gathered run() && {
    for (const auto& option : option_table()) gather_one(option);
    refuse_wrong_keys();
    return std::move(out_);
  }

 private:
  using Look = std::optional<RawValue> (Gatherer::*)(const Names&);

  std::optional<RawValue> on_command_line(const Names& names) {
    auto it = given_.find(names.flag);
    if (names.flag.empty() || it == given_.end() || it->second.empty()) return std::nullopt;
    return RawValue{it->second, names.flag};
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
    return RawValue{it->values, file_->name + " line " + std::to_string(it->line)};
  }

  void gather_one(const OptionSpec& option) {
    std::optional<RawValue> found;
    for (Look look : {&Gatherer::on_command_line, &Gatherer::in_environment, &Gatherer::in_file}) {
      auto here = look_in(look, option);
      if (!found) found = std::move(here);
    }
    if (found && option.effect == Effect::none) {
      out_.warnings.push_back(found->origin + " has no effect here: " + std::string(option.help));
    }
    if (!found && !option.fallback.empty())
      found = RawValue{{std::string(option.fallback)}, "the default"};
    if (!found) return;
    if (option.kind == Kind::list) found->values = split_at_commas(found->values);
    if (!found->values.empty()) out_.values.emplace(option.flag, std::move(*found));
  }

  // By its own name, by that of a file with the secret, by an old name.
  std::optional<RawValue> look_in(Look look, const OptionSpec& option) {
    auto names = names_of(option);
    auto found = (this->*look)(names);
    if (option.secret == Secret::yes) {
      auto in_secret_file =
          (this->*look)(Names{names.flag + "-file", names.env + "_FILE", names.key + "-file"});
      if (!found && in_secret_file) {
        in_secret_file->values.back().insert(0, "file:");
        found = std::move(in_secret_file);
      }
      if (found) read_secret_file(*found);
    }
    for (const auto& old : old_names()) {
      if (old.now != option.flag) continue;
      auto once = (this->*look)(names_of(old));
      if (!once) continue;
      if (old.note.empty())
        out_.warnings.push_back(once->origin + " is an old name: write " + names.flag + " (" +
                                names.env + ", " + names.key + ")");
      if (!found) found = std::move(once);
    }
    return found;
  }

  void read_secret_file(RawValue& value) {
    auto secret = resolve_secret(value.values.back());
    if (secret) {
      value.values = {std::move(*secret)};
    } else {
      out_.mistakes.push_back(value.origin + ": " + secret.error().what());
    }
  }

  void refuse_wrong_keys() {
    if (!file_) return;
    std::map<std::string_view, int> lines;
    for (const auto& entry : file_->entries) {
      if (auto [it, first] = lines.emplace(entry.key, entry.line); !first) {
        out_.mistakes.push_back(file_->name + " line " + std::to_string(entry.line) +
                                ": the key '" + sayable(entry.key) + "' stands in line " +
                                std::to_string(it->second) + " already");
      }
      if (known_keys_.contains(entry.key)) continue;
      out_.mistakes.push_back(file_->name + " line " + std::to_string(entry.line) +
                              ": there is no key '" + sayable(entry.key) + "'; did you mean '" +
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
