#include "lock/local_leases.h"

#include <unordered_map>
#include <utility>

namespace ncps::lock {

struct LocalLeases::State {
  explicit State(std::shared_ptr<NamedSignals> s) : signals(std::move(s)) {}
  Guarded<std::unordered_map<std::string, std::string>> notes;  // of what is held, by name
  std::shared_ptr<NamedSignals> signals;
};

class LocalLeases::Held final : public Lease {
 public:
  Held(std::shared_ptr<State> state, std::string name)
      : state_(std::move(state)), name_(std::move(name)) {}
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
  ~Held() override {
    state_->notes.with([&](auto& notes) { notes.erase(name_); });
    state_->signals->notify(name_);
  }

  bool good() const noexcept override { return true; }
  std::uint64_t fence() const noexcept override { return 0; }

 private:
  std::shared_ptr<State> state_;
  std::string name_;
};

LocalLeases::LocalLeases(std::shared_ptr<NamedSignals> signals)
    : state_(std::make_shared<State>(std::move(signals))) {}
LocalLeases::~LocalLeases() = default;

Task<Taken> LocalLeases::try_take(Ask ask, Deadline) {
  CO_TRY(check(ask));
  auto holder = state_->notes.with([&](auto& notes) -> std::optional<Holder> {
    auto [it, ours] = notes.try_emplace(ask.name, ask.note);
    if (ours) return std::nullopt;
    return Holder{.note = it->second};
  });
  if (holder) co_return Taken(std::move(*holder));
  co_return Taken(std::make_unique<Held>(state_, std::move(ask.name)));
}

std::shared_ptr<Signal> LocalLeases::given_back(const std::string& name) {
  return state_->signals->of(name);
}

std::optional<Holder> LocalLeases::holder(const std::string& name) const {
  return state_->notes.with([&](const auto& notes) -> std::optional<Holder> {
    auto it = notes.find(name);
    if (it == notes.end()) return std::nullopt;
    return Holder{.note = it->second};
  });
}

}  // namespace ncps::lock
