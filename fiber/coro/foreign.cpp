// SPDX-License-Identifier: MIT
#include "fiber/coro/foreign.hpp"

#include "fiber/base/check.hpp"
#include "fiber/sched/resume.hpp"

#include <optional>

namespace coir {
namespace {

// A coroutine is suspended while its awaiter's await_suspend runs, so the task may destroy it then.
struct resuming {
  foreign_wait& wait;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept { wait.resume(); }
  void await_resume() const noexcept {}
};

} // namespace

resumer resumer::of(foreign_wait& wait) {
  for (bool is_first = true;; is_first = false) {
    COIR_CHECK(is_first, "an awaiter has resumed a coroutine twice");
    co_await resuming{wait};
  }
}

bool foreign_wait::try_suspend(std::coroutine_handle<> awaiting) noexcept {
  std::optional<detached_coroutine> detached;
  awaiting_ = awaiting;
  if (waiting_ != nullptr) detached.emplace(detach_coroutine(awaiting));
  stage seen = stage::running;
  // acq_rel: pairs with the exchange in resume, which needs what we wrote. acquire: we need what the resumer wrote.
  if (stage_.compare_exchange(seen, stage::suspended, acq_rel, acquire)) return true;
  if (detached) detached->reattach();
  return false;
}

void foreign_wait::resume() noexcept {
  // acq_rel: pairs with the exchange in try_suspend.
  if (stage_.exchange(stage::resumed, acq_rel) != stage::suspended)
    return; // it will see that itself
  if (waiting_ != nullptr) {
    coir::resume(*waiting_);
  } else {
    awaiting_.resume();
  }
}

} // namespace coir
