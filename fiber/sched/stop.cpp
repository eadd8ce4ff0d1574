// SPDX-License-Identifier: MIT
#include "fiber/sched/stop.hpp"

#include "fiber/base/pause.hpp"
#include "fiber/sched/resume.hpp"

#include <memory>

namespace coir {

/// Carries requests over to std::stop_token.
class stop_bridge {
public:
  std::stop_source source;
};

void unwatch_stop(control_block& fiber, waiter& w) noexcept {
  if (try_unwatch_stop(fiber, w)) return;
  // The requester is between two stores; it needs nothing from us.
  const auto used = reinterpret_cast<std::uintptr_t>(&w) | stop_is_interrupting;
  base::spin_wait wait;
  while (fiber.stop_word.load(acquire) == used) wait.once(); // pairs with the release below
}

bool request_stop(control_block& fiber) noexcept {
  std::uintptr_t seen = fiber.stop_word.load(acquire); // pairs with the exchange in try_watch_stop
  control_block* interrupted = nullptr;
  for (;;) {
    if ((seen & (stop_is_requested | stop_is_interrupting)) != 0) return false;
    if (seen == 0) {
      // acq_rel: pairs with try_watch_stop and is_stop_requested. acquire: a wait has begun meanwhile.
      if (fiber.stop_word.compare_exchange(seen, stop_is_requested, acq_rel, acquire)) break;
      continue;
    }
    // acq_rel: pairs with unwatch_stop: from here to the store the waiter stays. acquire: look again.
    if (!fiber.stop_word.compare_exchange(seen, seen | stop_is_interrupting, acq_rel, acquire))
      continue;
    auto* const w = reinterpret_cast<waiter*>(seen);
    if (w->try_interrupt(wait_outcome::stopped)) interrupted = w->target();
    fiber.stop_word.store(stop_is_requested, release); // pairs with the acquire in unwatch_stop
    break;
  }
  if (interrupted != nullptr) resume(*interrupted);
  stop_bridge* bridge = nullptr;
  {
    const std::lock_guard held(fiber.ended.lock());
    bridge = fiber.bridge;
  }
  // Runs the user's callbacks, here and now, as std::stop_source does.
  if (bridge != nullptr) bridge->source.request_stop();
  return true;
}

std::stop_token stop_token_of(control_block& fiber) {
  auto made = std::make_unique<stop_bridge>();
  bool is_late = false;
  std::stop_token token;
  {
    const std::lock_guard held(fiber.ended.lock());
    if (fiber.bridge == nullptr) fiber.bridge = made.release();
    token = fiber.bridge->source.get_token();
    // A requester sets the word before it takes the lock: it finds the bridge, or we find the request.
    is_late = is_stop_requested(fiber);
  }
  if (is_late) fiber.bridge->source.request_stop();
  return token;
}

void destroy_stop_bridge(control_block& fiber) noexcept { delete fiber.bridge; }

} // namespace coir
