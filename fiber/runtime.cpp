// SPDX-License-Identifier: MIT
#include "fiber/runtime.hpp"

#include "fiber/base/check.hpp"
#include "fiber/context/overflow_report.hpp"
#include "fiber/sched/current.hpp"
#include "fiber/sched/stop.hpp"
#include "fiber/sched/wait_error.hpp"

#include <system_error>

namespace coir {
namespace {

std::uint64_t running_fiber_id() noexcept {
  const control_block* const fiber = current_fiber();
  return fiber != nullptr ? fiber->id : 0;
}

running_fiber describe_running_fiber() noexcept {
  const control_block* const fiber = current_fiber();
  if (fiber == nullptr) return {0, nullptr, nullptr};
  return {fiber->id, fiber->name, fiber->bound};
}

/// If the caller is interrupted, its function ends before it does.
void wait_or_cancel(control_block& main) {
  try {
    wait_for_end(main, clock::time_point::max());
  } catch (...) {
    request_stop(main);
    wait_for_end_uninterrupted(main);
    drop_reference(main);
    throw;
  }
}

} // namespace

runtime::runtime(const runtime_options& options)
    : scheduler_(std::make_unique<scheduler>(options)), reports_overflow_(options.overflow_report) {
  base::set_fiber_id_source(running_fiber_id);
  if (reports_overflow_) install_overflow_report(describe_running_fiber);
}

runtime::~runtime() {
  if (scheduler_->has_living_fibers()) {
    // Spawned after the last run(), or never run: they end here.
    try {
      run([this] { scheduler_->request_stop_of_all(); });
    } catch (const std::exception&) {
      COIR_CHECK(false,
                 "a runtime is destroyed with fibers in it and no thread to run them to their end");
    }
  }
  if (reports_overflow_) uninstall_overflow_report();
}

void runtime::run_fiber(control_block& main) {
  if (worker* const here = scheduler_->own_worker()) {
    scheduler_->start(here, main);
    return wait_or_cancel(main);
  }
  if (!scheduler_->enter_or_start(main)) return wait_or_cancel(main);
  try {
    scheduler_->open();
  } catch (...) {
    scheduler_->discard(main);
    throw;
  }
  if (!scheduler_->work(main)) {
    drop_reference(main);
    throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                            "coir: every fiber waited for what could never happen");
  }
}

unsigned runtime::workers() const noexcept { return scheduler_->worker_count(); }

scheduler_statistics runtime::statistics() const noexcept { return scheduler_->statistics(); }

scheduler& scheduler_for_spawn() {
  scheduler* const found = default_scheduler();
  if (found == nullptr) {
    throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                            "coir: spawn was called outside of a fiber and no runtime is running");
  }
  return *found;
}

} // namespace coir
