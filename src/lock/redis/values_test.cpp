// What is pure: addresses, keys, slots, what scripts answer.
#include <gtest/gtest.h>

#include "lock/redis/command.h"
#include "lock/redis/lease_keys.h"
#include "lock/redis/node_address.h"
#include "lock/redis/scripts.h"
#include "lock/redis/slots.h"

namespace ncps::redis {
namespace {

Reply text(std::string value) {
  return {.type = Reply::Type::text, .text = std::move(value)};
}
Reply error(std::string value) {
  return {.type = Reply::Type::error, .text = std::move(value)};
}
Reply integer(std::int64_t value) {
  return {.type = Reply::Type::integer, .integer = value};
}
Reply array(std::vector<Reply> items) {
  return {.type = Reply::Type::array, .items = std::move(items)};
}

TEST(NodeAddress, IsReadAndPrinted) {
  struct {
    const char *text, *host;
    int port;
    const char* printed;
  } rows[] = {{"redis:6379", "redis", 6379, "redis:6379"},
              {"redis", "redis", 6379, "redis:6379"},
              {"10.0.0.1:7000", "10.0.0.1", 7000, "10.0.0.1:7000"},
              {"[fd00::1]:7000", "fd00::1", 7000, "[fd00::1]:7000"},
              {"[::1]", "::1", 6379, "[::1]:6379"},
              {"a-b.c_d:1", "a-b.c_d", 1, "a-b.c_d:1"},
              {"r:65535", "r", 65535, "r:65535"}};
  for (const auto& row : rows) {
    auto address = parse_node_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->host, row.host);
    EXPECT_EQ(address->port, row.port);
    EXPECT_EQ(address->str(), row.printed);
  }
}

TEST(NodeAddress, WhatIsNoneIsRefusedWithoutRepeatingIt) {
  for (auto bad : {"",
                   ":6379",
                   "redis:",
                   "redis:0",
                   "redis:65536",
                   "redis:x",
                   "redis:-1",
                   "redis: 1",
                   "re dis:1",
                   "user:hunter2@redis:1",
                   "redis://:hunter2@redis:6379",
                   "fd00::1",
                   "[fd00::1",
                   "[redis]:1",
                   "[]:1",
                   "[fd00::1]x",
                   "[fd00::1]:",
                   "redis/0",
                   "redis:1/0",
                   "redis:1,redis:2"}) {
    auto address = parse_node_address(bad);
    ASSERT_FALSE(address) << bad;
    EXPECT_EQ(address.error().kind(), ErrorKind::invalid);
    EXPECT_EQ(address.error().what().find("hunter2"), std::string::npos);
  }
}

TEST(Slots, AreThoseOfTheSpecification) {
  // cluster_test.cpp asks a real one about many more.
  EXPECT_EQ(slot_of("123456789"), 0x31c3);  // the check value of CRC-16/XMODEM, below 16,384
  EXPECT_EQ(slot_of(""), 0);
  EXPECT_EQ(slot_of("foo"), 12182);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("{user1000}.followers"));
  EXPECT_EQ(slot_of("a{foo}b"), slot_of("foo"));
  EXPECT_NE(slot_of("foo{}{bar}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
}

TEST(LeaseKeys, BothAreInOneSlotWhateverTheName) {
  std::string every_byte;
  for (int c = 0; c < 256; ++c) every_byte.push_back(static_cast<char>(c));
  for (const auto& name : {std::string(), std::string("a"), std::string("}"), std::string("{}"),
                           std::string("a}b{c"), every_byte, std::string(512, '\0')})
    for (auto prefix : {"ncps:lock:", "", "{tag}:", "a{b", "a}b", "}{"}) {
      auto keys = lease_keys(prefix, name);
      EXPECT_EQ(slot_of(keys.lease), slot_of(keys.fence)) << keys.lease;
      EXPECT_NE(keys.lease, keys.fence);
      EXPECT_TRUE(keys.lease.starts_with(prefix));
      EXPECT_TRUE(keys.fence.starts_with(prefix));
    }
}

TEST(LeaseKeys, AreReadable) {
  auto keys = lease_keys("ncps:lock:", "download:nar:nar/0a1b.nar.xz");
  EXPECT_EQ(keys.lease, "ncps:lock:{download:nar:nar/0a1b.nar.xz}");
  EXPECT_EQ(keys.fence, "ncps:lock:{download:nar:nar/0a1b.nar.xz}:fence");
  EXPECT_EQ(lease_keys("", "a b").lease, "{a%20b}");
  EXPECT_EQ(lease_keys("", "%").lease, "{%25}");
  EXPECT_EQ(lease_keys("", "").lease, "{%}");
  EXPECT_EQ(given_back_channel("ncps:lock:"), "ncps:lock:given-back");
}

TEST(LeaseKeys, APrefixThatSplitsThemIsNotUsable) {
  EXPECT_TRUE(is_usable_prefix("ncps:lock:"));
  EXPECT_TRUE(is_usable_prefix(""));
  EXPECT_TRUE(is_usable_prefix("{x}:"));
  EXPECT_TRUE(is_usable_prefix("}{"));
  EXPECT_FALSE(is_usable_prefix("{}"));
  EXPECT_FALSE(is_usable_prefix("a{}{x}"));
  EXPECT_NE(slot_of(lease_keys("{}", "a").lease), slot_of(lease_keys("{}", "a").fence));
}

Reply node(std::string host, int port) {
  return array({text(std::move(host)), integer(port), text("id"), array({})});
}

TEST(SlotTable, IsMadeOfTheClustersAnswer) {
  auto table = SlotTable::parse(
      array({array({integer(0), integer(99), node("10.0.0.1", 7000)}),
             array({integer(100), integer(16383), node("", 7001), node("10.0.0.9", 7009)})}),
      {.host = "asked", .port = 1});
  ASSERT_TRUE(table) << table.error().what();
  EXPECT_EQ(table->master(0)->str(), "10.0.0.1:7000");
  EXPECT_EQ(table->master(99)->str(), "10.0.0.1:7000");
  EXPECT_EQ(table->master(100)->str(), "asked:7001");
  EXPECT_EQ(table->master(16383)->str(), "asked:7001");
  EXPECT_EQ(table->master(16384), nullptr);
  EXPECT_EQ(table->masters().size(), 2U);
  table->set(5, 5, {.host = "c", .port = 3});
  EXPECT_EQ(table->master(5)->str(), "c:3");
  EXPECT_EQ(table->master(6)->str(), "10.0.0.1:7000");
}

TEST(SlotTable, ASlotThatNobodyServesIsNobodys) {
  EXPECT_EQ(SlotTable().master(0), nullptr);
  auto table = SlotTable::parse(array({}), {});
  ASSERT_TRUE(table);
  EXPECT_EQ(table->master(7), nullptr);
  auto part = SlotTable::parse(array({array({integer(1), integer(1), node("a", 1)})}), {});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->master(0), nullptr);
  EXPECT_EQ(part->master(2), nullptr);
}

TEST(SlotTable, NonsenseIsRefused) {
  for (const auto& bad : {Reply{}, text("x"), integer(1), error("ERR"), array({Reply{}}),
                          array({array({})}), array({array({integer(0), integer(1)})}),
                          array({array({integer(0), integer(1), text("a")})}),
                          array({array({integer(0), integer(16384), node("a", 1)})}),
                          array({array({integer(-1), integer(1), node("a", 1)})}),
                          array({array({integer(2), integer(1), node("a", 1)})}),
                          array({array({text("0"), integer(1), node("a", 1)})}),
                          array({array({integer(0), integer(1), node("a", 0)})}),
                          array({array({integer(0), integer(1), node("a", 65536)})})})
    EXPECT_FALSE(SlotTable::parse(bad, {}));
}

TEST(SlotTable, InventedNodesAreNotRememberedForEver) {
  SlotTable table;
  for (int i = 0; i < 2'000; ++i) table.set(1, 1, {.host = "h" + std::to_string(i), .port = 1});
  EXPECT_EQ(table.masters().size(), SlotTable::kMostNodes);
}

TEST(Redirect, IsRead) {
  NodeAddress asked{.host = "asked", .port = 1};
  auto moved = parse_redirect(error("MOVED 3999 127.0.0.1:6381"), asked);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->kind, Redirect::Kind::moved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to.str(), "127.0.0.1:6381");
  auto ask = parse_redirect(error("ASK 1 :6381"), asked);
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->kind, Redirect::Kind::ask);
  EXPECT_EQ(ask->to.str(), "asked:6381");
  EXPECT_EQ(parse_redirect(error("MOVED 1 fd00::1:7000"), asked)->to.str(), "[fd00::1]:7000");
  EXPECT_EQ(parse_redirect(error("MOVED 1 ?:7000"), asked)->to.str(), "asked:7000");
}

TEST(Redirect, WhatIsNoneIsNotFollowed) {
  for (const auto& bad :
       {text("MOVED 1 a:1"), error("MOVEDX 1 a:1"), error("MOVED"), error("MOVED "),
        error("MOVED 1"), error("MOVED 1 "), error("MOVED 1 a"), error("MOVED 1 a:"),
        error("MOVED 1 a:0"), error("MOVED 1 a:65536"), error("MOVED 16384 a:1"),
        error("MOVED -1 a:1"), error("ASK x a:1"), error("ERR MOVED 1 a:1"), Reply{}})
    EXPECT_FALSE(parse_redirect(bad, {})) << bad.text;
}

TEST(Scripts, WhatATakeAnswers) {
  auto ours = read_taken(array({integer(1), text("17")}));
  ASSERT_TRUE(ours);
  EXPECT_EQ(std::get<Ours>(*ours).fence, 17U);
  auto theirs = read_taken(array({integer(0), text("18"), text("note")}));
  ASSERT_TRUE(theirs);
  EXPECT_EQ(std::get<lock::Holder>(*theirs).fence, 18U);
  EXPECT_EQ(std::get<lock::Holder>(*theirs).note, "note");
  // A value that is none of ours: somebody has it.
  auto foreign = read_taken(array({integer(0), text("x"), text("")}));
  ASSERT_TRUE(foreign);
  EXPECT_EQ(std::get<lock::Holder>(*foreign).fence, 0U);
}

TEST(Scripts, AnAnswerThatNobodyUnderstandsIsNoLease) {
  for (const auto& bad :
       {Reply{}, text("1"), integer(1), error("ERR x"), error("WRONGTYPE y"), array({}),
        array({integer(1)}), array({integer(1), text("")}), array({integer(1), text("0")}),
        array({integer(1), text("x")}), array({integer(1), text("1x")}),
        array({integer(1), text("-1")}), array({integer(1), text("99999999999999999999")}),
        array({integer(1), integer(1)}), array({text("1"), text("1")}),
        array({integer(0), text("1")}), array({integer(0), text("1"), integer(1)}),
        array({integer(2), text("1")})}) {
    auto taken = read_taken(bad);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().kind(), ErrorKind::unavailable);
  }
}

TEST(Scripts, WhatTheOthersAnswer) {
  EXPECT_TRUE(read_done(integer(1)).value());
  EXPECT_FALSE(read_done(integer(0)).value());
  for (const auto& bad : {Reply{}, text("1"), error("ERR"), array({})})
    EXPECT_FALSE(read_done(bad));
}

TEST(Scripts, AreKnownByTheirHash) {
  for (const auto* script : {&take_script(), &renew_script(), &give_back_script()})
    EXPECT_EQ(script->sha1.size(), 40U);
  auto call =
      take_call(lease_keys("p:", "a"), std::string(32, 't'), "note", std::chrono::seconds(1));
  EXPECT_EQ(call.key, "p:{a}");
  EXPECT_EQ(call.by_sha1, (Command{"EVALSHA", take_script().sha1, "2", "p:{a}", "p:{a}:fence",
                                   std::string(32, 't'), "1000", "note"}));
  EXPECT_EQ(call.in_full[1], take_script().text);
}

TEST(Command, AnyBytesGoOntoTheWire) {
  EXPECT_EQ(to_wire({"SET", std::string("a\0\r\n", 4), ""}),
            std::string("*3\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n", 29));
}

TEST(Reply, IsShownShortAndWithoutControlCharacters) {
  EXPECT_EQ(printable("a\r\n\x1b[1mb\xff"), "a???[1mb?");
  EXPECT_EQ(printable(std::string(300, 'x')).size(), 203U);
  EXPECT_TRUE(error("NOSCRIPT No").is_error("NOSCRIPT"));
  EXPECT_TRUE(error("NOSCRIPT").is_error("NOSCRIPT"));
  EXPECT_FALSE(error("NOSCRIPTX").is_error("NOSCRIPT"));
  EXPECT_FALSE(text("NOSCRIPT").is_error("NOSCRIPT"));
}

TEST(Reply, NoSecretIsRepeated) {
  struct {
    const char *text, *secret, *left;
  } rows[] = {{"args 'user' 'hunter2' ", "hunter2", "args 'user' '***' "},
              {"hunter2hunter2", "hunter2", "******"},
              {"args 'hunt", "hunter2", "args '***"},
              {"args 'hunting", "hunter2", "args '***ing"},
              {"args 'hun", "hunter2", "args 'hun"},
              {"a b a", "a", "*** b ***"},
              {"*** ***", "***", "*** ***"},
              {"nothing of it", "hunter2", "nothing of it"},
              {"", "hunter2", ""},
              {"nobody asks for one", "", "nobody asks for one"}};
  for (const auto& row : rows)
    EXPECT_EQ(without_secret(row.text, row.secret), row.left) << row.text;
}

}  // namespace
}  // namespace ncps::redis
