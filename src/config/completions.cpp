#include <fmt/format.h>

#include <iterator>
#include <set>
#include <string>

#include "config/command_table.h"
#include "config/documents.h"
#include "config/option_table.h"

namespace ncps::config {
namespace {

// The words that may follow `group`, with blanks between them; "" for the top.
std::string words_below(std::string_view group) {
  std::string out;
  for (const auto& spec : command_table())
    if (group_of(spec.name) == group) out.append(out.empty() ? "" : " ").append(word_of(spec.name));
  return out;
}

// All that `top` or what is below it has of its own: words, choices of arguments, flags.
std::string own_words(const CommandSpec& top, std::string_view value_mark) {
  std::string out = words_below(top.name);
  for (const auto& spec : command_table()) {
    if (spec.name != top.name && group_of(spec.name) != top.name) continue;
    for (const auto& argument : spec.arguments)
      if (!argument.choices.empty()) out.append(" ").append(argument.choices);
    for (const auto& flag : spec.flags)
      out.append(" ").append(flag.name).append(flag.takes == Takes::value ? value_mark : "");
  }
  return out;
}

std::string flags_of(Scope scope, bool equals) {
  std::string out;
  for (const auto& option : option_table()) {
    if (option.scope != scope || option.effect == Effect::none) continue;
    out.append(option.flag).append(equals && option.kind != Kind::flag ? "= " : " ");
  }
  return out;
}

// In a double-quoted string of a shell, an empty one being nothing.
std::string bash() {
  std::string names, cases;
  for (const auto& spec : command_table()) {
    if (!group_of(spec.name).empty()) continue;
    auto pattern = std::string(spec.name);
    if (!spec.alias.empty()) pattern.append("|").append(spec.alias);
    names.append(names.empty() ? "" : "|").append(pattern);
    fmt::format_to(std::back_inserter(cases), "    {}) choices+=\" {} {}\" ;;\n", pattern,
                   own_words(spec, "="), spec.options ? "$options" : "");
  }
  return fmt::format(R"(# bash completion of ncps; in ~/.bashrc: source <(ncps completion bash)
_ncps() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command= w
  for w in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $w in {}) [[ $command ]] || command=$w ;; esac
  done
  local options="{}"
  local choices="{} --help --version"
  case $command in
    "") choices+=" {}" ;;
{}  esac
  COMPREPLY=($(compgen -W "$choices" -- "$word"))
  [[ ${{COMPREPLY[0]}} != *= ]] || compopt -o nospace
}}
complete -o default -F _ncps ncps
)",
                     names, flags_of(Scope::serve, true), flags_of(Scope::global, true),
                     words_below(""), cases);
}

// In single quotes, which a shell takes literally; what zsh gives a meaning to is escaped.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == '[' || c == ']' || c == ':' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out;
}

void zsh_flags(std::string& out, Scope scope) {
  for (const auto& option : option_table()) {
    if (option.scope != scope || option.effect == Effect::none) continue;
    bool many = option.kind == Kind::list;
    auto value = option.kind == Kind::flag   ? ""
                 : option.kind == Kind::path ? "=:path:_files"
                                             : "=:value:";
    auto [before, after] = std::string(value).empty()
                               ? std::pair(std::string(), std::string())
                               : std::pair(std::string("="), std::string(value).substr(1));
    fmt::format_to(std::back_inserter(out), "    '{}{}{}[{}]{}'\n", many ? "*" : "", option.flag,
                   before, zsh_text(option.help), after);
  }
}

std::string zsh() {
  std::string out =
      "#compdef ncps\n# zsh completion of ncps; in ~/.zshrc: source <(ncps completion "
      "zsh)\n_ncps() {\n  local -a flags\n  flags=(\n";
  zsh_flags(out, Scope::global);
  zsh_flags(out, Scope::serve);
  std::set<std::string_view> seen;  // some commands have a flag of the same name
  std::string words;
  for (const auto& spec : command_table()) {
    for (const auto& flag : spec.flags) {
      if (!seen.insert(flag.name).second) continue;
      bool value = flag.takes == Takes::value;
      fmt::format_to(std::back_inserter(out), "    '{}{}[{}]{}'\n", flag.name, value ? "=" : "",
                     zsh_text(flag.help), value ? ":value:" : "");
    }
    if (!group_of(spec.name).empty()) words.append(" ").append(word_of(spec.name));
    for (const auto& argument : spec.arguments)
      if (!argument.choices.empty()) words.append(" ").append(argument.choices);
  }
  fmt::format_to(
      std::back_inserter(out),
      "  )\n  _arguments '1:command:({})' '*::argument:({})' $flags\n}}\n"
      "# As a file in $fpath this is the first call of the function.\n"
      "if [ \"$funcstack[1]\" = _ncps ]; then _ncps \"$@\"; else compdef _ncps ncps; fi\n",
      words_below(""), words.substr(1));
  return out;
}

std::string fish_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\'' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string fish() {
  std::string out =
      "# fish completion of ncps; in config.fish: ncps completion fish | source\n"
      "complete -c ncps -n __fish_use_subcommand -f -a '" +
      words_below("") + "'\n";
  std::string with_options;
  for (const auto& spec : command_table()) {
    auto top = group_of(spec.name).empty() ? spec.name : group_of(spec.name);
    auto seen = fmt::format("complete -c ncps -n '__fish_seen_subcommand_from {}'", top);
    if (spec.command == Command::group)
      fmt::format_to(std::back_inserter(out), "{} -f -a '{}'\n", seen, words_below(spec.name));
    for (const auto& argument : spec.arguments)
      if (!argument.choices.empty())
        fmt::format_to(std::back_inserter(out), "{} -f -a '{}'\n", seen, argument.choices);
    for (const auto& flag : spec.flags)
      fmt::format_to(std::back_inserter(out), "{} -l {}{} -d '{}'\n", seen, flag.name.substr(2),
                     flag.takes == Takes::value ? " -x" : "", fish_text(flag.help));
    if (!spec.options || top != spec.name) continue;
    with_options.append(" ").append(spec.name);
    if (!spec.alias.empty()) with_options.append(" ").append(spec.alias);
  }
  for (const auto& option : option_table()) {
    if (option.effect == Effect::none) continue;
    auto when = option.scope == Scope::serve
                    ? fmt::format(" -n '__fish_seen_subcommand_from{}'", with_options)
                    : std::string();
    auto value = option.kind == Kind::flag ? "" : option.kind == Kind::path ? " -r -F" : " -x";
    fmt::format_to(std::back_inserter(out), "complete -c ncps{} -l {}{} -d '{}'\n", when,
                   option.flag.substr(2), value, fish_text(option.help));
  }
  return out;
}

}  // namespace

std::string completions(std::string_view shell) {
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  return bash();
}

}  // namespace ncps::config
