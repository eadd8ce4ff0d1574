// SPDX-License-Identifier: MIT
// How a fiber's end reaches those who wait for it, and what happens to its error. Floor 2.
#include "fiber/base/check.hpp"
#include "fiber/sched/control_block.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/scheduler.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/suspend.hpp"
#include "fiber/sched/wait_error.hpp"
#include "fiber/sched/worker.hpp"

#include <exception>
#include <mutex>
#include <system_error>
#include <utility>

namespace coir {
namespace {

bool is_cancellation(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& caught) {
    return caught.code() == std::errc::operation_canceled;
  } catch (...) {
    return false;
  }
}

[[noreturn]] void terminate_by(std::exception_ptr error) noexcept {
  // Thrown out of a noexcept function, so that the terminate handler can see what it was.
  std::rethrow_exception(std::move(error));
}

} // namespace

void keep_error(control_block& fiber, std::exception_ptr error) noexcept {
  fiber.error = std::move(error);
  fiber.has_failed = true;
}

bool is_clean_cancellation(const control_block& fiber, const std::exception_ptr& error) noexcept {
  return is_stop_requested(fiber) && is_cancellation(error);
}

void check_detached_error(const control_block& fiber) noexcept {
  if (!fiber.is_detached || !fiber.has_failed) return;
  if (is_clean_cancellation(fiber, fiber.error)) return;
  terminate_by(fiber.error);
}

void worker::tell_joiners(control_block& fiber) noexcept {
  waiter* joiners = nullptr;
  {
    const std::lock_guard held(fiber.ended.lock());
    fiber.has_ended.store(true, release); // pairs with the acquire in wait_for_end: the result
    if (fiber.has_failed) check_detached_error(fiber);
    if (!fiber.ended.is_empty()) joiners = fiber.ended.take_all();
  }
  if (joiners != nullptr) wait_queue::resume_all(joiners);
}

worker& worker::finish(control_block& fiber) noexcept {
  const unsigned size_class = fiber.size_class;
  const bool is_main = fiber.is_main;
  worker* here_now = current_worker();
  if (here_now->direct_.joiner != nullptr) {
    COIR_ASSERT(here_now->direct_.awaited == &fiber, "a direct join outlives its coroutine's turn");
    // Nobody else may join it, and it is not detached. The joiner takes over our reference.
    fiber.is_left_to_handle = true;
    fiber.has_ended.store(true, release); // pairs with the acquire in wait_for_end: the result
  } else {
    tell_joiners(fiber);
    drop_reference(fiber);
    here_now = current_worker();
  }
  worker& here = *here_now;
  here.current_ = nullptr;
  here.give_stack_promise(size_class);
  // release: pairs with the acquire in has_living_fibers. relaxed: only we write it.
  here.finished_.store(here.finished_.load(relaxed) + 1, release);
  here.owner_.note_finished(is_main);
  return here;
}

void detach(control_block& fiber) noexcept {
  {
    const std::lock_guard held(fiber.ended.lock());
    fiber.is_detached = true;
    // relaxed: written under the lock
    if (fiber.has_ended.load(relaxed)) check_detached_error(fiber);
  }
  drop_handle(fiber);
}

void wait_for_end(control_block& fiber, clock::time_point limit) {
  if (fiber.has_ended.load(acquire)) return; // pairs with the release in worker::finish: the result
  if (current_fiber() == &fiber) {
    throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                            "coir: a fiber joins itself");
  }
  if (fiber.operations->is_coroutine && limit == clock::time_point::max() &&
      current_fiber() != nullptr) {
    waiter self;
    if (current_worker()->try_join_directly(fiber, self)) {
      suspend_for(fiber);
      return throw_if_interrupted(self.outcome(), "coir: join");
    }
  }
  const auto outcome = fiber.ended.wait(limit, wait_kind::interruptible, [&] {
    return fiber.has_ended.load(acquire); // pairs with the release in worker::finish
  });
  throw_if_interrupted(outcome, "coir: join");
}

void wait_for_end_uninterrupted(control_block& fiber) noexcept {
  COIR_CHECK(current_fiber() != &fiber, "a fiber destroys its own handle: detach() it first");
  fiber.ended.wait(base::time_point::max(), wait_kind::plain, [&] {
    return fiber.has_ended.load(acquire); // pairs with the release in worker::finish
  });
}

} // namespace coir
