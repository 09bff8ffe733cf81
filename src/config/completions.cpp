#include <fmt/format.h>

#include <iterator>

#include "config/documents.h"
#include "config/option_table.h"

namespace ncps::config {
namespace {

constexpr std::string_view kCommands = "serve config import migrate pin completion";

std::string flags_of(Scope scope, bool equals) {
  std::string out;
  for (const auto& option : option_table()) {
    if (option.scope != scope || option.effect == Effect::none) continue;
    out.append(option.flag).append(equals && option.kind != Kind::flag ? "= " : " ");
  }
  return out;
}

std::string bash() {
  return fmt::format(R"(# bash completion of ncps; in ~/.bashrc: source <(ncps completion bash)
_ncps() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} command= w
  for w in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $w in serve|s|config|import|migrate|pin|completion) command=$w ;; esac
  done
  local choices="{} --help --version"
  case $command in
    "") choices+=" {}" ;;
    serve|s) choices+=" {}" ;;
    config) choices+=" check show example reference {}" ;;
    import) choices+=" --dry-run --from-database-url= {}" ;;
    migrate) choices+=" up status {}" ;;
    pin) choices+=" add remove list {}" ;;
    completion) choices="bash zsh fish" ;;
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$word"))
  [[ ${{COMPREPLY[0]}} != *= ]] || compopt -o nospace
}}
complete -o default -F _ncps ncps
)",
                     flags_of(Scope::global, true), kCommands, flags_of(Scope::serve, true),
                     flags_of(Scope::serve, true), flags_of(Scope::serve, true),
                     flags_of(Scope::serve, true), flags_of(Scope::serve, true));
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
  out +=
      "    '--dry-run[import: change nothing]'\n"
      "    '--from-database-url=[import: also read this database]:value:'\n"
      "  )\n  _arguments '1:command:(serve config import migrate pin completion)' "
      "'*::argument:(check "
      "show "
      "example reference up status add remove list bash zsh fish)' $flags\n}\n"
      "compdef _ncps ncps\n";
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
      "complete -c ncps -n __fish_use_subcommand -f -a 'serve config import migrate pin "
      "completion'\n"
      "complete -c ncps -n '__fish_seen_subcommand_from config' -f -a 'check show example "
      "reference'\n"
      "complete -c ncps -n '__fish_seen_subcommand_from migrate' -f -a 'up status'\n"
      "complete -c ncps -n '__fish_seen_subcommand_from pin' -f -a 'add remove list'\n"
      "complete -c ncps -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
  out +=
      "complete -c ncps -n '__fish_seen_subcommand_from import' -l dry-run -d 'Change nothing'\n"
      "complete -c ncps -n '__fish_seen_subcommand_from import' -l from-database-url -x "
      "-d 'Also read this database'\n";
  for (const auto& option : option_table()) {
    if (option.effect == Effect::none) continue;
    auto when = option.scope == Scope::serve
                    ? " -n '__fish_seen_subcommand_from serve s config import migrate pin'"
                    : "";
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
