#include "lock/redis/reply_reader.h"

#include "fuzzing/fuzz_target.h"
#include "lock/redis/command.h"
#include "lock/redis/scripts.h"
#include "lock/redis/slots.h"

namespace ncps::redis {
namespace {

std::size_t count(const Reply& reply) {
  std::size_t items = reply.items.size();
  for (const auto& item : reply.items) items += count(item);
  return items;
}

void print(const Reply& reply, std::string& out) {
  out += to_string(reply.type);
  out += " " + std::to_string(reply.integer) + " " + std::to_string(reply.text.size()) + reply.text;
  for (const auto& item : reply.items) print(item, out);
}

// Whatever is said of a lease: it is ours only with a fence, and an error says neither.
void check_lease(const Reply& reply) {
  auto taken = read_taken(reply);
  auto done = read_done(reply);
  CHECK(!(taken && done) && !(reply.is_error() && (taken || done)));
  if (!taken) {
    CHECK(taken.error().kind() == ErrorKind::unavailable);
    for (char c : taken.error().what()) CHECK(static_cast<unsigned char>(c) >= 0x20);
    return;
  }
  if (const auto* ours = std::get_if<Ours>(&*taken))
    CHECK(ours->fence > 0 && reply.at(0).integer == 1);
  if (const auto* holder = std::get_if<lock::Holder>(&*taken))
    CHECK(holder->note == reply.at(2).text);
}

// All replies in these pieces as one text, and how it ended.
std::string all_of(const std::vector<std::string_view>& pieces) {
  std::string out;
  ReplyReader reader;
  for (auto piece : pieces) {
    if (!reader.feed(piece)) return out + "refused";
    for (;;) {
      auto reply = reader.next();
      if (!reply) return out + "refused";
      if (!*reply) break;
      CHECK(count(**reply) <= ReplyReader::kMostItems);
      print(**reply, out);
      // Whatever is said to be a cluster leads to ports and slots that there are.
      auto table = SlotTable::parse(**reply, {.host = "asked", .port = 1});
      if (table) {
        CHECK(table->masters().size() <= SlotTable::kMostNodes);
        for (unsigned slot = 0; slot < kSlots; slot += 512)
          if (const auto* node = table->master(static_cast<std::uint16_t>(slot)))
            CHECK(node->port > 0 && !node->host.empty());
      }
      if (auto redirect = parse_redirect(**reply, {.host = "asked", .port = 1}))
        CHECK(redirect->slot < kSlots && redirect->to.port > 0 && !redirect->to.host.empty());
      check_lease(**reply);
    }
  }
  return out + "read";
}

}  // namespace

FUZZ_TARGET(reply_reader) {
  auto seed = fuzzing::take_byte(input);
  CHECK(all_of({input}) == all_of(fuzzing::pieces_of(input, seed)));
  // A command is an array of texts on the wire: it comes back as it was.
  Command command{"SET"};
  for (auto piece : fuzzing::pieces_of(input, seed)) command.emplace_back(piece);
  ReplyReader reader;
  CHECK(reader.feed(to_wire(command)));
  auto reply = reader.next();
  CHECK(reply && *reply && !reader.has_rest() && (*reply)->items.size() == command.size());
  for (std::size_t i = 0; i < command.size(); ++i) CHECK((*reply)->items[i].text == command[i]);
}

}  // namespace ncps::redis
