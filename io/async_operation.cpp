// SPDX-License-Identifier: MIT
#include "io/async_operation.hpp"

#include "fiber/sched/current.hpp"
#include "fiber/sched/worker.hpp"

#include <new>

namespace coir {

bool async_wait::begin_wait(fd_state& record, direction d, event_use use, clock::time_point limit,
                            std::coroutine_handle<> awaiting) noexcept {
  cannot_wait_ = record.attach_if_new(*runs_as());
  if (cannot_wait_ != 0) return false;
  if (use == event_use::peek) peek();
  try {
    return begin_inlined(record.queue(d), limit, wait_kind::interruptible, awaiting,
                         [&] { return record.need_not_wait(d, use); });
  } catch (const std::bad_alloc&) {
    cannot_wait_ = -ENOMEM;
    return false;
  }
}

int async_wait::end_wait(fd_state& record) noexcept {
  return cannot_wait_ != 0 ? cannot_wait_ : record.result_of(outcome());
}

bool is_turn_over() noexcept { return current_worker()->spend_operation(); }

} // namespace coir
