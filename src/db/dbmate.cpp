#include "db/dbmate.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace ncps::db {
namespace {

using Command = DbmateCall::Command;

const std::map<std::string_view, Command> kCommands = {
    {"up", Command::up},         {"migrate", Command::migrate}, {"create", Command::create},
    {"status", Command::status}, {"wait", Command::wait},       {"help", Command::help}};

struct Flag {
  std::string_view name, shorthand;
  bool has_value;
};
constexpr auto kFlags = std::to_array<Flag>({{"--url", "-u", true},
                                             {"--env", "-e", true},
                                             {"--env-file", "", true},
                                             {"--migrations-dir", "-d", true},
                                             {"--migrations-table", "", true},
                                             {"--schema-file", "-s", true},
                                             {"--wait-timeout", "", true},
                                             {"--wait-interval", "", true},
                                             {"--wait", "", false},
                                             {"--no-dump-schema", "", false},
                                             {"--strict", "", false},
                                             {"--verbose", "-v", false},
                                             {"--quiet", "", false},
                                             {"--exit-code", "", false},
                                             {"--help", "-h", false},
                                             {"--version", "", false}});

const Flag* flag_of(std::string_view text) {
  auto it = std::ranges::find_if(kFlags, [&](const Flag& f) {
    return f.name == text || (!text.empty() && f.shorthand == text);
  });
  return it == kFlags.end() ? nullptr : &*it;
}

// "60s", "2m", "60"
Result<std::chrono::seconds> parse_patience(std::string_view text) {
  int number = 0;
  auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(stop, text.data() + text.size());
  bool known = unit.empty() || unit == "s" || unit == "m";
  if (ec != std::errc() || !known || number < 0 || number > 3600)
    return fail(ErrorKind::invalid, "--wait-timeout is no time such as 60s or 2m");
  return std::chrono::seconds(unit == "m" ? number * 60 : number);
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Result<DbmateCall> run() {
    for (; next_ < arguments_.size(); ++next_) {
      const auto& word = arguments_[next_];
      if (word.starts_with('-')) {
        TRY(take_flag(word));
      } else if (!command_) {
        auto it = kCommands.find(word);
        if (it == kCommands.end())
          return fail(ErrorKind::invalid,
                      "give one of the commands up, migrate, create, status, wait");
        command_ = it->second;
      }
      // Further words are for dbmate's other commands; "migrate up" is in use.
    }
    if (command_ && call_.command == Command::help && !help_) call_.command = *command_;
    return call_;
  }

  std::string variable = "DATABASE_URL";

 private:
  Result<void> take_flag(const std::string& word) {
    auto equals = word.find('=');
    const auto* flag = flag_of(std::string_view(word).substr(0, equals));
    if (flag == nullptr)
      return fail(ErrorKind::invalid, "there is a flag that dbmate does not have");
    std::string value;
    if (equals != word.npos) {
      value = word.substr(equals + 1);
    } else if (flag->has_value) {
      if (++next_ == arguments_.size())
        return fail(ErrorKind::invalid, std::string(flag->name) + " lacks its value");
      value = arguments_[next_];
    }
    return note(flag->name, value);
  }

  Result<void> note(std::string_view name, const std::string& value) {
    bool yes = value != "false";
    if (name == "--url")
      call_.url = value;
    else if (name == "--env")
      variable = value;
    else if (name == "--migrations-dir")
      call_.has_folder = true;
    else if (name == "--wait")
      call_.wait = yes;
    else if (name == "--exit-code")
      call_.exit_code = yes;
    else if (name == "--quiet")
      call_.quiet = yes;
    else if (name == "--help")
      help_ = true;
    else if (name == "--version")
      call_.command = Command::version;
    else if (name == "--migrations-table" && value != "schema_migrations")
      return fail(ErrorKind::invalid, "--migrations-table can only be schema_migrations");
    else if (name == "--wait-timeout") {
      TRY(call_.patience, parse_patience(value));
    }
    return {};
  }

  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  std::optional<Command> command_;
  bool help_ = false;
  DbmateCall call_;
};

}  // namespace

Result<DbmateCall> parse_dbmate(
    const std::vector<std::string>& arguments,
    const std::function<std::optional<std::string>(std::string_view)>& environment) {
  Parser parser(arguments);
  TRY(auto call, parser.run());
  if (call.url.empty()) call.url = environment(parser.variable).value_or("");
  bool needs_one = call.command != Command::help && call.command != Command::version;
  if (needs_one && call.url.empty())
    return fail(ErrorKind::invalid, "no database: give --url or the variable DATABASE_URL");
  return call;
}

std::string dbmate_help() {
  return "ncps dbmate [flags] up|migrate|create|status|wait\n"
         "What scripts expect of dbmate, with the migrations that are in this program.\n"
         "  up        create the database if it is missing, then migrate\n"
         "  migrate   bring the schema up to date\n"
         "  create    create the database\n"
         "  status    say which migrations are applied (--exit-code: 1 if one is not; --quiet)\n"
         "  wait      wait until the database answers\n"
         "  -u, --url URL          the database [$DATABASE_URL]\n"
         "  -e, --env NAME         the variable that holds the URL\n"
         "  --wait                 wait until the database answers, then do it\n"
         "  --wait-timeout 60s     for how long\n"
         "--migrations-dir, --schema-file, --no-dump-schema, --strict and --verbose change "
         "nothing.\n";
}

}  // namespace ncps::db
