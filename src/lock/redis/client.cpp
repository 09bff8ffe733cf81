#include "lock/redis/client.h"

#include <algorithm>
#include <utility>

#include "fetch/unit_random.h"

namespace ncps::redis {
namespace {

constexpr int kMostHops = 5;  // from node to node, for one question

// The server cannot do it now, but soon: it loads its data, slots move, a master is being chosen.
bool is_passing(const Reply& reply) {
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN",
                                              "READONLY", "MOVED", "ASK", "NOREPLICAS"},
      [&](auto code) { return reply.is_error(code); });
}

}  // namespace

Client::Client(const RedisOptions& options, std::shared_ptr<TlsContext> tls, TaskGroup& group,
               boost::asio::any_io_executor executor, std::function<void()> changed)
    : options_(options),
      tls_(std::move(tls)),
      parts_{.options = options_,
             .tls = tls_,
             .group = group,
             .executor = std::move(executor),
             .changed = std::move(changed),
             .probing = [this] { return find_slots_later(); }},
      cluster_(options.addresses.size() > 1) {}

std::shared_ptr<Node> Client::node_at(const NodeAddress& address) {
  auto& node = nodes_[address];
  if (!node) node = std::make_shared<Node>(address, parts_);
  return node;
}

// Whoever may know something, those first of which nothing bad is known.
std::vector<std::shared_ptr<Node>> Client::to_ask() {
  std::vector<std::shared_ptr<Node>> well, away;
  for (const auto* list : {&table_.masters(), &options_.addresses})
    for (const auto& address : *list) {
      auto node = node_at(address);
      auto& side = node->away() != nullptr ? away : well;
      if (std::ranges::find(side, node) == side.end()) side.push_back(std::move(node));
    }
  well.insert(well.end(), away.begin(), away.end());
  return well;
}

std::shared_ptr<Node> Client::node_of(const std::string& key) {
  if (const auto* master = cluster_ ? table_.master(slot_of(key)) : nullptr)
    return node_at(*master);
  return to_ask().front();
}

const Error* Client::away(const std::string& key) {
  return node_of(key)->away();
}

void Client::use(SlotTable table) {
  table_ = std::move(table);
  found_ = true;
  std::erase_if(nodes_, [&](const auto& entry) {
    const auto& [address, node] = entry;
    bool wanted = std::ranges::find(table_.masters(), address) != table_.masters().end() ||
                  std::ranges::find(options_.addresses, address) != options_.addresses.end();
    if (!wanted) node->stop();
    return !wanted;
  });
  parts_.changed();
}

Task<void> Client::ask_for_slots() {
  std::optional<Error> why;
  for (auto& node : to_ask()) {
    if (stopped_) break;
    Command command = {"CLUSTER", "SLOTS"};
    auto patience = Deadline::after(options_.patience.connect + options_.patience.answer);
    auto reply = co_await node->ask(std::move(command), Node::Asking::no, patience);
    if (!reply) {
      if (!why) why = std::move(reply).error();
      continue;
    }
    auto prefix = "Redis at " + node->address().str();
    if (reply->is_error() && reply->text.find("cluster support disabled") != std::string::npos)
      co_return fail(ErrorKind::unavailable,
                     prefix +
                         " is no node of a cluster: several --cache-redis-addrs are the nodes of "
                         "one cluster; give the address of one server alone");
    if (reply->is_error()) {
      why = Error(ErrorKind::unavailable, prefix + " refuses: " + printable(reply->text));
      continue;
    }
    auto table = SlotTable::parse(*reply, node->address());
    if (table && table->masters().empty())
      table = fail(ErrorKind::unavailable, "it is in no cluster yet");
    if (table) {
      use(std::move(*table));
      co_return Result<void>();
    }
    why = std::move(table).error().while_doing(prefix);
  }
  co_return std::unexpected(
      std::move(why).value_or(Error(ErrorKind::unavailable, "ncps is stopping")));
}

// Whoever comes while it is being asked waits for the same answer.
Task<void> Client::find_slots() {
  if (finding_) {
    auto seen = found_slots_.version();
    co_await found_slots_.wait_past(seen, Deadline::after(options_.patience.connect));
    co_return last_finding_;
  }
  finding_ = true;
  last_finding_ = co_await ask_for_slots();
  finding_ = false;
  found_slots_.notify();
  co_return last_finding_;
}

boost::asio::awaitable<void> Client::find_slots_later() {
  if (cluster_ && !stopped_) (void)co_await find_slots();
}

boost::asio::awaitable<Client::Outcome> Client::ask_once(const Call& call, Deadline deadline) {
  // Without CLUSTER SLOTS (an ACL may forbid it) the nodes themselves say who has what.
  if (cluster_ && !found_) {
    auto found = co_await find_slots();
    bool alone = options_.addresses.size() == 1;
    if (!found && !alone && table_.masters().empty())
      co_return Outcome{.node = nullptr, .reply = std::unexpected(std::move(found).error())};
  }
  auto node = node_of(call.key);
  auto asking = Node::Asking::no;
  const auto* command = &call.by_sha1;
  for (int hop = 0; hop < kMostHops;) {
    auto reply = co_await node->ask(*command, asking, deadline);
    if (!reply) co_return Outcome{.node = std::move(node), .reply = std::move(reply)};
    if (reply->is_error("NOSCRIPT") && command == &call.by_sha1) {
      command = &call.in_full;
      continue;
    }
    auto redirect = parse_redirect(*reply, node->address());
    if (!redirect) co_return Outcome{.node = std::move(node), .reply = std::move(reply)};
    ++hop;
    asking = redirect->kind == Redirect::Kind::ask ? Node::Asking::yes : Node::Asking::no;
    if (redirect->kind == Redirect::Kind::moved) {
      cluster_ = true;
      table_.set(redirect->slot, redirect->slot, redirect->to);
      if (!finding_) parts_.group.spawn(parts_.executor, "slots of Redis", find_slots_later());
    }
    if (!nodes_.contains(redirect->to) && nodes_.size() > SlotTable::kMostNodes)
      break;  // it invents them
    node = node_at(redirect->to);
  }
  auto circle = fail(ErrorKind::unavailable, "its nodes send us from one to the other");
  co_return Outcome{.node = nullptr, .reply = std::move(circle)};
}

// The answer for the caller, or why there is none. After the last try a server that did not answer is
// away.
Result<Reply> Client::judge(Outcome& outcome, bool last, Deadline deadline) {
  if (outcome.reply) {
    if (!is_passing(*outcome.reply)) return std::move(outcome.reply);
    auto said = printable(outcome.reply->text);
    auto where = outcome.node ? "Redis at " + outcome.node->address().str() : std::string("Redis");
    return fail(ErrorKind::unavailable, where + " cannot do it now: " + said);
  }
  auto error = std::move(outcome.reply).error();
  if (error.kind() == ErrorKind::conflict) return fail(ErrorKind::unavailable, error.what());
  // Where the caller had no time nothing is known of the server.
  if (last && outcome.node && !deadline.passed()) outcome.node->give_up(error);
  return std::unexpected(std::move(error));
}

Task<Reply> Client::ask(Call call, Deadline deadline) {
  for (unsigned failed = 1;; ++failed) {
    auto outcome = co_await ask_once(call, deadline);
    bool answered = outcome.reply.has_value();
    bool no_use = !answered && (outcome.reply.error().kind() == ErrorKind::timeout ||
                                (outcome.node && outcome.node->away() != nullptr));
    bool last = stopped_ || deadline.passed() || no_use || failed >= options_.retry.attempts;
    auto result = judge(outcome, last, deadline);
    if (result || last) co_return result;
    auto delay = fetch::retry_delay(options_.retry, failed, {},
                                    options_.jitter ? fetch::unit_random() : 0.0);
    co_await stop_.wait_past(stop_.version(), deadline.at_most(delay));
    if (cluster_ && !stopped_) (void)co_await find_slots();  // another may be master by now
  }
}

Task<std::unique_ptr<Connection>> Client::connect_to_any() {
  std::optional<Error> why;
  for (auto& node : to_ask()) {
    auto made = co_await Connection::open(node->address(), options_.login, tls_,
                                          Deadline::after(options_.patience.connect));
    if (made || stopped_) co_return made;
    why = std::move(made).error();
  }
  co_return std::unexpected(std::move(*why));
}

std::string Client::trouble() const {
  auto why_away = [&](const NodeAddress& address) -> const Error* {
    auto it = nodes_.find(address);
    return it == nodes_.end() ? nullptr : it->second->away();
  };
  const auto& used = cluster_ && !table_.masters().empty() ? table_.masters() : options_.addresses;
  for (const auto& address : used)
    if (const auto* why = why_away(address)) return why->what();
  return {};
}

void Client::stop() {
  stopped_ = true;
  stop_.notify();
  found_slots_.notify();
  for (auto& [address, node] : nodes_) node->stop();
}

}  // namespace ncps::redis
