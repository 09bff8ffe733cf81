// What Redis does with a lease, each as one step: scripts in Redis' own Lua.
//
// A lease is the text "<token> <fence> <note>", which expires. The token says whose it is: nobody
// else renews it or gives it back. Doing one of them twice does no harm, so that each may be tried
// again when its answer was lost.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "lock/leases.h"
#include "lock/redis/command.h"
#include "lock/redis/lease_keys.h"
#include "lock/redis/reply.h"

namespace ncps::redis {

struct Script {
  std::string text;
  std::string sha1;  // by which the server knows it once it has seen it
};

const Script& take_script();
const Script& renew_script();
const Script& give_back_script();

inline constexpr std::size_t kTokenSize = 32;  // characters, without a space

// A script with its keys and arguments; `by_sha1` is refused (NOSCRIPT) by a server that has not seen
// it yet, `in_full` is not.
struct Call {
  Command by_sha1, in_full;
  std::string key;  // by which the node of a cluster is chosen
};

Call take_call(const LeaseKeys& keys, std::string_view token, std::string_view note,
               std::chrono::milliseconds time_to_live);
Call renew_call(const LeaseKeys& keys, std::string_view token,
                std::chrono::milliseconds time_to_live);
Call give_back_call(const LeaseKeys& keys, std::string_view token, std::string_view channel,
                    std::string_view name);

struct Ours {
  std::uint64_t fence;
};
// Errors: unavailable, with what Redis said.
Result<std::variant<Ours, lock::Holder>> read_taken(const Reply& reply);

// Whether it was (still) ours.
Result<bool> read_done(const Reply& reply);

}  // namespace ncps::redis
