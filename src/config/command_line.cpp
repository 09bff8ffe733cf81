#include "config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

#include "config/nearest.h"
#include "config/option_table.h"
#include "config/version.h"

namespace ncps::config {
namespace {

constexpr std::string_view kExitStatus =
    "Exit status: 0 done; 1 could not start, or failed while running; 2 wrong options, nothing was "
    "touched. Of import: 0 done; 1 done, but something was refused; 2 it could not. "
    "Of fsck: 0 all is well, or was mended; 1 something is wrong; 2 it could not find out.";

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

// "there is no flag --x; did you mean --y?", without its value.
std::optional<std::string> unexpected_flag(const std::vector<std::string>& arguments,
                                           const GivenFlags& known) {
  std::set<std::string, std::less<>> names = {
      "--help",   "--help-all",       "--version",        "--dry-run", "--from-database-url",
      "--repair", "--verify-content", "--verified-since", "--json"};
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
  auto add_command = [&](CLI::App& parent, const std::string& name, const std::string& help,
                         Command command) {
    auto* made = parent.add_subcommand(name, help)->fallthrough();
    made->callback([&out, command] { out.command = command; });
    return made;
  };
  auto* serve = add_command(app, "serve", "Serve the cache", Command::serve)->alias("s");
  flags.add(*serve, Scope::serve);
  auto* config =
      app.add_subcommand("config", "Look at the options")->fallthrough()->require_subcommand(1);
  flags.add(*config, Scope::serve);
  add_command(*config, "check", "Say whether the options are right", Command::config_check);
  add_command(*config, "show", "Say what the options are, and where each comes from",
              Command::config_show);
  add_command(*config, "example", "Print a configuration file with every key and its default",
              Command::config_example);
  add_command(*config, "reference", "Print the documentation of every option",
              Command::config_reference);
  auto* import = add_command(app, "import", "Take over the store of the Go program of this name",
                             Command::import);
  flags.add(*import, Scope::serve);
  import->add_flag("--dry-run", out.dry_run, "Change nothing, only say what would be done");
  import
      ->add_option("--from-database-url", out.from_database_url,
                   "Also read this database, of a version that kept narinfos in it (never written; "
                   "forms as of --cache-database-url)")
      ->type_name("")
      ->envname("NCPS_FROM_DATABASE_URL");
  auto* fsck = add_command(app, "fsck", "See whether store and database agree, and mend them",
                           Command::fsck);
  flags.add(*fsck, Scope::serve);
  fsck->add_flag("--repair", out.repair, "Mend what is wrong; what is right is never removed");
  fsck->add_flag("--dry-run", out.dry_run, "Write nothing at all, and do not ask");
  fsck->add_flag("--verify-content", out.verify_content, "Read every NAR and narinfo, too");
  fsck->add_option("--verified-since", out.verified_since,
                   "Do not read NARs that were verified within that time, such as 168h")
      ->type_name("");
  fsck->add_flag("--json", out.json, "Print the summary as JSON");
  auto* stats =
      add_command(app, "stats", "Say what is kept, and what it was good for", Command::stats);
  flags.add(*stats, Scope::serve);
  stats->add_flag("--json", out.json, "Print it as JSON");
  auto* migrate = app.add_subcommand("migrate", "Bring the database's schema up to date")
                      ->fallthrough()
                      ->require_subcommand(1);
  flags.add(*migrate, Scope::serve);
  auto* up = add_command(*migrate, "up", "Apply what is pending", Command::migrate_up);
  bool dry_run = false;
  up->add_flag("--dry-run", dry_run, "Only say what is pending");
  add_command(*migrate, "status", "Say what is applied and what is pending",
              Command::migrate_status);
  auto* completion =
      add_command(app, "completion", "Print the completions of a shell", Command::completion);
  completion->add_option("shell", out.text, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));

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
    return CommandLine{
        .command = Command::print_and_exit, .text = std::move(text).str(), .given = {}};
  } catch (const CLI::ParseError& e) {
    auto what = unexpected_flag(arguments, all).value_or(e.what());
    if (dynamic_cast<const CLI::RequiredError*>(&e) != nullptr && what == e.what())
      what =
          "give a command: serve, config (check, show, example, reference), import, fsck, stats, "
          "migrate (up, status) or completion";
    if (dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr && what == e.what())
      what = "there is an argument that belongs to no flag";  // not repeated: it may be a secret
    return fail(ErrorKind::invalid, what + "\n`ncps serve --help` lists every option");
  }
  if (dry_run) out.command = Command::migrate_status;
  for (auto& [flag, values] : all)
    if (!values.empty()) out.given[flag] = std::move(values);
  return out;
}

}  // namespace ncps::config
