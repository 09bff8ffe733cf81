#include "lock/redis/scripts.h"

#include <openssl/evp.h>

#include <array>
#include <charconv>

#include "base/check.h"

namespace ncps::redis {
namespace {

// The fence is the last one plus one, but never below the server's clock in microseconds: a server
// that has lost its data, and a replica that missed the last write, go on above what was given. So
// the key may go after a day: only a clock set back by more would give a smaller fence. Lua's numbers
// are exact up to 2^53, which the clock reaches in the year 2255.
constexpr std::string_view kTake = R"(
local held = redis.call('GET', KEYS[1])
if held then
  local space = string.find(held, ' ', 34, true) or 0
  local fence = string.sub(held, 34, space - 1)
  if string.sub(held, 1, 33) ~= ARGV[1] .. ' ' then
    return {0, fence, string.sub(held, space + 1)}
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {1, fence}
end
local time = redis.call('TIME')
local clock = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local fence = string.format('%.0f', math.max(last + 1, clock))
redis.call('SET', KEYS[2], fence, 'PX', ARGV[2] + 86400000)
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. fence .. ' ' .. ARGV[3], 'PX', ARGV[2])
return {1, fence}
)";

constexpr std::string_view kRenew = R"(
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, 1, 33) ~= ARGV[1] .. ' ' then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)";

// A user who may not publish there gives back all the same: others look again now and then.
constexpr std::string_view kGiveBack = R"(
local held = redis.call('GET', KEYS[1])
if not held or string.sub(held, 1, 33) ~= ARGV[1] .. ' ' then return 0 end
redis.call('DEL', KEYS[1])
redis.pcall('PUBLISH', ARGV[2], ARGV[3])
return 1
)";

Script make_script(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  CHECK(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1);
  std::string sha1;
  for (unsigned i = 0; i < size; ++i) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    sha1.push_back(kDigits[digest[i] >> 4]);
    sha1.push_back(kDigits[digest[i] & 0xf]);
  }
  return {.text = std::string(text), .sha1 = std::move(sha1)};
}

Call make_call(const Script& script, std::vector<std::string> keys, std::vector<std::string> rest) {
  Call out{.by_sha1 = {"EVALSHA", script.sha1, std::to_string(keys.size())},
           .in_full = {"EVAL", script.text, std::to_string(keys.size())},
           .key = keys.front()};
  for (auto* words : {&keys, &rest})
    for (auto& word : *words) {
      out.by_sha1.push_back(word);
      out.in_full.push_back(std::move(word));
    }
  return out;
}

std::unexpected<Error> misunderstood(const Reply& reply) {
  if (reply.is_error())
    return fail(ErrorKind::unavailable, "Redis refuses: " + printable(reply.text));
  return fail(ErrorKind::unavailable, "Redis answers a script with something else (" +
                                          std::string(to_string(reply.type)) + ")");
}

}  // namespace

const Script& take_script() {
  static const Script script = make_script(kTake);
  return script;
}

const Script& renew_script() {
  static const Script script = make_script(kRenew);
  return script;
}

const Script& give_back_script() {
  static const Script script = make_script(kGiveBack);
  return script;
}

Call take_call(const LeaseKeys& keys, std::string_view token, std::string_view note,
               std::chrono::milliseconds time_to_live) {
  CHECK(token.size() == kTokenSize);
  return make_call(take_script(), {keys.lease, keys.fence},
                   {std::string(token), std::to_string(time_to_live.count()), std::string(note)});
}

Call renew_call(const LeaseKeys& keys, std::string_view token,
                std::chrono::milliseconds time_to_live) {
  return make_call(renew_script(), {keys.lease},
                   {std::string(token), std::to_string(time_to_live.count())});
}

Call give_back_call(const LeaseKeys& keys, std::string_view token, std::string_view channel,
                    std::string_view name) {
  return make_call(give_back_script(), {keys.lease},
                   {std::string(token), std::string(channel), std::string(name)});
}

Result<std::variant<Ours, lock::Holder>> read_taken(const Reply& reply) {
  const auto &whose = reply.at(0), &fence = reply.at(1), &note = reply.at(2);
  std::uint64_t number = 0;
  auto [end, error] =
      std::from_chars(fence.text.data(), fence.text.data() + fence.text.size(), number);
  bool is_number = error == std::errc() && end == fence.text.data() + fence.text.size();
  if (whose.type != Reply::Type::integer || fence.type != Reply::Type::text)
    return misunderstood(reply);
  if (whose.integer == 1 && is_number && number > 0) return Ours{number};
  if (whose.integer == 1 || note.type != Reply::Type::text) return misunderstood(reply);
  // Whatever lies under that name, somebody has put it there: it is not ours.
  return lock::Holder{.note = note.text, .fence = is_number ? number : 0};
}

Result<bool> read_done(const Reply& reply) {
  if (reply.type != Reply::Type::integer) return misunderstood(reply);
  return reply.integer == 1;
}

}  // namespace ncps::redis
