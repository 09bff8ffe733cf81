#include "config/command_table.h"

#include <array>

namespace ncps::config {
namespace {

using enum Command;

constexpr CommandFlag kDryRun = {"--dry-run", Takes::nothing,
                                 "Change nothing, only say what would be done"};

constexpr std::array kImportFlags = {
    kDryRun,
    CommandFlag{"--from-database-url", Takes::value,
                "Also read this database, of a version that kept narinfos in it (never written; "
                "forms as of --cache-database-url)",
                "NCPS_FROM_DATABASE_URL"}};
constexpr CommandFlag kJson = {"--json", Takes::nothing, "Print it as JSON"};
constexpr std::array kFsckFlags = {
    CommandFlag{"--repair", Takes::nothing, "Mend what is wrong; what is right is never removed"},
    CommandFlag{"--dry-run", Takes::nothing, "Write nothing at all, and do not ask"},
    CommandFlag{"--verify-content", Takes::nothing, "Read every NAR and narinfo, too"},
    CommandFlag{"--verified-since", Takes::value,
                "Do not read NARs that were verified within that time, such as 168h"},
    CommandFlag{
        "--settling", Takes::value,
        "How long after the first look at what seems wrong the second one comes: more than a "
        "server beside it takes from a file to its row (default: 10s)"},
    kJson};
constexpr std::array kStatsFlags = {kJson};
constexpr std::array kMigrateUpFlags = {kDryRun};
constexpr std::array kPinArguments = {
    Argument{"store-path", "/nix/store/<hash>-<name>, or the hash alone"}};
constexpr std::array kKeyGenerateArguments = {
    Argument{"name", "The key's name, such as cache.example.org-1"},
    Argument{"file", "Where to write it; it must not exist (default: stdout)", false}};
constexpr std::array kKeyPublicArguments = {Argument{
    "file", "The file of a secret key (default: the keys with which serve would sign)", false}};
constexpr std::array kTokenArguments = {
    Argument{"name", "By which the log will call whoever uses it"},
    Argument{"rights", "read, write, delete, admin, or several with commas"}};
constexpr std::array kClientConfigArguments = {
    Argument{"url", "By which clients reach the cache (default: its host name and port)", false}};
constexpr std::array kCompletionArguments = {
    Argument{"shell", "bash, zsh or fish", true, "bash zsh fish"}};

constexpr std::array kCommands = {
    CommandSpec{"serve", "s", serve, true, "Serve the cache"},

    CommandSpec{"config", "", group, true, "Look at the options"},
    CommandSpec{"config check", "", config_check, true, "Say whether the options are right"},
    CommandSpec{"config show", "", config_show, true,
                "Say what the options are, and where each comes from"},
    CommandSpec{"config example", "", config_example, true,
                "Print a configuration file with every key and its default"},
    CommandSpec{"config reference", "", config_reference, true,
                "Print the documentation of every option"},

    CommandSpec{"import", "", import, true, "Take over the store of the Go program of this name",
                kImportFlags},

    CommandSpec{"fsck", "", fsck, true, "See whether store and database agree, and mend them",
                kFsckFlags},
    CommandSpec{"stats", "", stats, true, "Say what is kept, and what it was good for",
                kStatsFlags},

    CommandSpec{"migrate", "", group, true, "Bring the database's schema up to date"},
    CommandSpec{"migrate up", "", migrate_up, true, "Apply what is pending", kMigrateUpFlags},
    CommandSpec{"migrate status", "", migrate_status, true,
                "Say what is applied and what is pending"},

    CommandSpec{"pin", "", group, true, "Store paths whose closures are never evicted"},
    CommandSpec{"pin add", "", pin_add, true, "Pin a store path", {}, kPinArguments},
    CommandSpec{"pin remove", "", pin_remove, true, "Pin it no longer", {}, kPinArguments},
    CommandSpec{"pin list", "", pin_list, true, "Say what is pinned"},

    CommandSpec{"key", "", group, true, "Signing keys"},
    CommandSpec{
        "key generate", "", key_generate, true, "Make a secret key", {}, kKeyGenerateArguments},
    CommandSpec{"key public",
                "",
                key_public,
                true,
                "Print the public key of a secret one",
                {},
                kKeyPublicArguments},
    CommandSpec{"key rotate", "", key_rotate, true,
                "Make a new key in the storage; the old one signs beside it"},
    CommandSpec{"key retire", "", key_retire, true, "Let the old key in the storage sign no more"},

    CommandSpec{"token", "", group, false, "Tokens: who may do what"},
    CommandSpec{"token generate", "", token_generate, false, "Make a token", {}, kTokenArguments},

    CommandSpec{"client-config",
                "",
                client_config,
                true,
                "Print the lines for NixOS, nix.conf and netrc, with the real key",
                {},
                kClientConfigArguments},
    CommandSpec{"completion",
                "",
                completion,
                false,
                "Print the completions of a shell",
                {},
                kCompletionArguments},
};

}  // namespace

std::span<const CommandSpec> command_table() {
  return kCommands;
}

}  // namespace ncps::config
