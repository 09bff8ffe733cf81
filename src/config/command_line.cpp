#include "config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <list>
#include <optional>
#include <ranges>
#include <set>
#include <sstream>

#include "config/nearest.h"
#include "config/option_table.h"
#include "config/version.h"

namespace ncps::config {
namespace {

constexpr std::string_view kExitStatus =
    "Exit status: 0 done; 1 could not start, or failed while running; 2 wrong options, nothing was "
    "touched. Of import: 0 done; 1 done, but something was refused; 2 it could not. Of pin: 0 "
    "done; 1 it was so already; 2 it could not. Of fsck: 0 all is well, or was mended; 1 something "
    "is wrong; 2 it could not find out.";

std::string help_of(const OptionSpec& option) {
  std::string help(option.help);
  if (!option.fallback.empty()) help += " (default: " + std::string(option.fallback) + ")";
  if (!option.env.empty()) help += " [$" + std::string(option.env) + "]";
  return help;
}

// The flags of one scope, added to one command. CLI11 splits nothing by itself: values are taken as
// they stand.
class Flags {
 public:
  explicit Flags(GivenFlags& into) : into_(into) {}

  void add(CLI::App& app, Scope scope) {
    for (const auto& option : option_table()) {
      if (option.scope != scope) continue;
      add_one(app, std::string(option.flag), option.kind, help_of(option),
              std::string(option.group));
      if (option.secret == Secret::yes) {
        add_one(app, std::string(option.flag) + "-file", Kind::path,
                "The file that holds the value of " + std::string(option.flag),
                std::string(option.group));
      }
      for (const auto& old : old_names()) {
        if (old.now == option.flag && !old.flag.empty())
          add_one(app, std::string(old.flag), option.kind, "", "");
      }
    }
  }

 private:
  void add_one(CLI::App& app, const std::string& flag, Kind kind, const std::string& help,
               const std::string& group) {
    auto& values = into_[flag];
    auto* option = kind == Kind::flag
                       ? app.add_flag(flag, values, help)
                       : app.add_option(flag, values, help)->expected(1)->type_name("");
    option->allow_extra_args(false);  // or "[a,b]" would be taken for a list
    option->multi_option_policy(kind == Kind::list ? CLI::MultiOptionPolicy::TakeAll
                                                   : CLI::MultiOptionPolicy::TakeLast);
    option->group(group);  // an empty group is not shown
  }

  GivenFlags& into_;
};

// The commands of the table, added to the program.
class Commands {
 public:
  // To the commands that `arguments` name, or if they name none to all, the options are added: for
  // every command they would be a thousand flags.
  Commands(CLI::App& app, Flags& options, CommandLine& out,
           const std::vector<std::string>& arguments)
      : options_(options), out_(out), words_(arguments.begin(), arguments.end()) {
    made_[""] = &app;
    bool none =
        std::ranges::none_of(command_table(), [&](const auto& spec) { return named(spec); });
    all_ = none || words_.contains("--help-all");
    for (const auto& spec : command_table()) add(spec);
  }

  const std::set<std::string, std::less<>>& own_flags() const { return own_flags_; }

 private:
  bool named(const CommandSpec& spec) const {
    return words_.contains(spec.name) || (!spec.alias.empty() && words_.contains(spec.alias));
  }

  void add(const CommandSpec& spec) {
    auto& parent = *made_.at(std::string(group_of(spec.name)));
    auto* made = parent.add_subcommand(std::string(word_of(spec.name)), std::string(spec.help));
    made_[std::string(spec.name)] = made->fallthrough();
    if (!spec.alias.empty()) made->alias(std::string(spec.alias));
    if (spec.command == Command::group) made->require_subcommand(1);
    bool by_its_group = !group_of(spec.name).empty();  // then they have been added there
    if (spec.options && !by_its_group && (all_ || named(spec))) options_.add(*made, Scope::serve);
    auto& given = of_commands_.emplace_back();
    for (const auto& flag : spec.flags) add_flag(*made, flag, given.own);
    for (const auto& argument : spec.arguments) add_argument(*made, argument, given.arguments);
    if (spec.command == Command::group) return;
    made->callback([this, &given, command = spec.command] {
      out_.command = command;
      for (auto& [name, value] : given.own)
        if (value) out_.own[name] = *value;
      for (auto& value : given.arguments)
        if (value) out_.arguments.push_back(*value);
    });
  }

  struct Given {
    std::map<std::string, std::optional<std::string>> own;
    std::list<std::optional<std::string>> arguments;
  };

  void add_flag(CLI::App& app, const CommandFlag& flag,
                std::map<std::string, std::optional<std::string>>& into) {
    std::string name(flag.name);
    own_flags_.insert(name);
    auto& value = into[name];
    auto* option =
        flag.takes == Takes::value
            ? app.add_option(name, value, std::string(flag.help))->type_name("")
            : app.add_flag_callback(name, [&value] { value = ""; }, std::string(flag.help));
    if (!flag.env.empty()) option->envname(std::string(flag.env));
  }

  static void add_argument(CLI::App& app, const Argument& argument,
                           std::list<std::optional<std::string>>& into) {
    auto* option =
        app.add_option(std::string(argument.name), into.emplace_back(), std::string(argument.help));
    option->required(argument.required)->type_name("");
    if (argument.choices.empty()) return;
    std::istringstream words{std::string(argument.choices)};
    std::vector<std::string> choices(std::istream_iterator<std::string>(words), {});
    option->check(CLI::IsMember(choices));
  }

  Flags& options_;
  CommandLine& out_;
  std::set<std::string, std::less<>> words_;
  bool all_ = false;
  std::map<std::string, CLI::App*> made_;
  std::list<Given> of_commands_;  // each stays where it is
  std::set<std::string, std::less<>> own_flags_ = {"--help", "--help-all", "--version"};
};

// "give a command: serve, config (check, show), import"
std::string which_commands() {
  std::string out = "give a command: ";
  bool within = false, first = true;
  for (const auto& spec : command_table()) {
    bool below = !group_of(spec.name).empty();
    if (within && !below) out += ")";
    if (below && !within) {
      out += " (";
    } else if (!first) {
      out += ", ";
    }
    out += word_of(spec.name);
    within = below;
    first = false;
  }
  return within ? out + ")" : out;
}

// "there is no flag --x; did you mean --y?", without its value.
std::optional<std::string> unexpected_flag(const std::vector<std::string>& arguments,
                                           const GivenFlags& known,
                                           std::set<std::string, std::less<>> names) {
  for (const auto& [flag, values] : known) names.insert(flag);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    auto flag = arguments[i].substr(0, arguments[i].find('='));
    bool is_value = i > 0 && known.contains(arguments[i - 1]);
    if (!flag.starts_with("--") || is_value || names.contains(flag)) continue;
    return "there is no flag " + flag + "; did you mean " + nearest(flag, names) + "?";
  }
  return std::nullopt;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("ncps: a proxy cache for Nix\n" + std::string(kExitStatus), "ncps");
  app.set_version_flag("--version", "ncps version " + std::string(kVersion));
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for every command");

  CommandLine out;
  GivenFlags all;
  Flags flags(all);
  flags.add(app, Scope::global);
  Commands commands(app, flags, out, arguments);

  // "--flag=" says nothing, as an empty variable does; CLI11 would take the next argument for its value.
  std::vector<std::string> reversed;
  std::ranges::remove_copy_if(
      std::views::reverse(arguments), std::back_inserter(reversed), [&](const std::string& a) {
        return a.ends_with('=') && all.contains(std::string_view(a).substr(0, a.size() - 1));
      });
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::Success& e) {  // --help, --version
    std::ostringstream text, ignored;
    app.exit(e, text, ignored);
    CommandLine help;
    help.command = Command::print_and_exit;
    help.text = std::move(text).str();
    return help;
  } catch (const CLI::ParseError& e) {
    auto what = unexpected_flag(arguments, all, commands.own_flags()).value_or(e.what());
    if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr && what == e.what() &&
        app.get_subcommands().empty())
      what = which_commands();
    if (dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr && what == e.what())
      what = "there is an argument that belongs to no flag";  // not repeated: it may be a secret
    return fail(ErrorKind::invalid, what + "\n`ncps serve --help` lists every option");
  }
  for (auto& [flag, values] : all)
    if (!values.empty()) out.given[flag] = std::move(values);
  return out;
}

}  // namespace ncps::config
