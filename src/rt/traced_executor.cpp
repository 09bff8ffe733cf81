#include "rt/traced_executor.h"

#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <utility>

#include "telemetry/span.h"

namespace ncps {

namespace asio = boost::asio;

namespace {

// An executor like `Inner`, property for property. It must stay as small as it is: any_io_executor
// keeps three words without allocating.
template <class Inner>
class Traced {
 public:
  Traced(Inner inner, std::shared_ptr<trace::Slot> slot) noexcept
      : inner_(std::move(inner)), slot_(std::move(slot)) {}

  template <class Property>
    requires asio::can_query<const Inner&, Property>::value
  decltype(auto) query(const Property& property) const noexcept {
    return asio::query(inner_, property);
  }

  template <class Property>
    requires asio::can_require<const Inner&, Property>::value
  auto require(const Property& property) const {
    auto inner = asio::require(inner_, property);
    return Traced<decltype(inner)>(std::move(inner), slot_);
  }

  template <class Property>
    requires asio::can_prefer<const Inner&, Property>::value
  auto prefer(const Property& property) const {
    auto inner = asio::prefer(inner_, property);
    return Traced<decltype(inner)>(std::move(inner), slot_);
  }

  template <class Function>
  void execute(Function&& function) const {
    inner_.execute([slot = slot_, run = std::forward<Function>(function)]() mutable {
      trace::Enter enter(slot.get());
      // A moved-out function dies here: what it holds may look at the slot.
      auto last = std::move(run);
      std::move(last)();
    });
  }

  friend bool operator==(const Traced& a, const Traced& b) noexcept {
    return a.inner_ == b.inner_ && a.slot_ == b.slot_;
  }

  const Inner& inner() const noexcept { return inner_; }

 private:
  Inner inner_;
  std::shared_ptr<trace::Slot> slot_;
};

using Loop = asio::io_context::executor_type;
static_assert(sizeof(Traced<Loop>) <= 3 * sizeof(void*));

}  // namespace

asio::any_io_executor traced(const asio::any_io_executor& executor,
                             const trace::SpanContext& current) {
  auto slot = std::make_shared<trace::Slot>(current);
  if (const auto* loop = executor.target<Loop>()) return Traced<Loop>(*loop, std::move(slot));
  if (const auto* other = executor.target<Traced<Loop>>())
    return Traced<Loop>(other->inner(), std::move(slot));
  return Traced<asio::any_io_executor>(executor, std::move(slot));
}

}  // namespace ncps
