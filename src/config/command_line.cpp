#include <CLI/CLI.hpp>

#include "config/option_table.h"
#include "config/raw_values.h"
#include "config/version.h"

namespace ncps::config {
namespace {

// CLI11 splits nothing by itself: a value is taken as it stands.
void add_option(CLI::App& app, const OptionSpec& spec, std::vector<std::string>& into) {
  std::string help(spec.help);
  if (!spec.fallback.empty()) help += " (default: " + std::string(spec.fallback) + ")";
  help += " [$" + std::string(spec.env) + "]";
  std::string flag(spec.flag);
  if (spec.kind == Kind::flag) {
    app.add_flag(flag, into, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    return;
  }
  auto* option = app.add_option(flag, into, help)->expected(1)->type_name("");
  auto policy =
      spec.kind == Kind::list ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast;
  option->multi_option_policy(policy);
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  CLI::App app("ncps: a proxy cache for Nix", "ncps");
  auto* serve = app.add_subcommand("serve", "Serve the cache")->alias("s")->fallthrough();
  app.require_subcommand(1);
  app.set_version_flag("--version", "ncps version " + std::string(kVersion));

  std::map<std::string_view, std::vector<std::string>> values;
  for (const auto& spec : option_table()) {
    add_option(spec.scope == Scope::global ? app : *serve, spec, values[spec.flag]);
  }

  CommandLine out;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
  } catch (const CLI::Success& e) {  // --help, --version
    std::ostringstream text, ignored;
    app.exit(e, text, ignored);
    return CommandLine{
        .command = Command::print_and_exit, .text = std::move(text).str(), .given = {}};
  } catch (const CLI::ParseError& e) {
    return fail(ErrorKind::invalid,
                std::string(e.what()) + "\n`ncps serve --help` lists what there is");
  }
  for (const auto& spec : option_table()) {
    auto& given = values[spec.flag];
    if (!given.empty()) out.given[spec.flag] = RawValue{std::move(given), std::string(spec.flag)};
  }
  return out;
}

}  // namespace ncps::config
