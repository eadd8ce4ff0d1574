// SPDX-License-Identifier: MIT
// Options of fibers and runtimes. Floor 2.
#pragma once

#include "fiber/context/stack.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace coir {

class poller;

/// Where a fiber may run.
enum class placement : std::uint8_t {
  any,   ///< may continue on another worker after each suspension
  pinned ///< stays on the worker that spawned it (of a foreign thread's spawn: on worker 0)
};

struct spawn_options {
  /// Shown in diagnoses; copied.
  std::string_view name{};
  /// Bytes of address space for the stack, guard included, rounded up to a power of two of at least 16 KiB; at most
  /// 64 MiB. 0: as runtime_options::stack_size says. Resident is only what is touched.
  std::size_t stack_size = 0;
  coir::placement placement = placement::any;
};

/// What is not said.
inline constexpr spawn_options default_spawn_options{};

/// A worker that has not passed its scheduling loop for a while, as told to runtime_options::on_stall.
struct stall_report {
  unsigned worker;                      ///< index of the worker
  std::chrono::nanoseconds stalled_for; ///< so far
};

struct runtime_options {
  /// Kernel threads that run fibers, 1 … 1024, the caller of run() included.
  /// 0: as many as the affinity mask and the cgroup's CPU quota allow.
  unsigned workers = 0;
  /// As spawn_options::stack_size, for fibers that do not say.
  std::size_t stack_size = default_stack_bytes;
  /// How long run() waits for the other fibers after its function has returned, before it requests them to stop; it
  /// then waits for them to end. The default waits for as long as they take.
  std::chrono::nanoseconds shutdown_grace = std::chrono::nanoseconds::max();
  /// Diagnose stack overflows: while a runtime lives and if SIGSEGV and SIGBUS have their default action, handle
  /// them, name the fiber and its stack size on standard error, and abort. The only signal dispositions that the
  /// library touches.
  bool overflow_report = true;
  /// Watch for stuck workers: serve their timers and IO, start compensating workers. Costs a mostly sleeping thread.
  /// While a worker is stuck another runs beside it, so even with one worker fibers may run at the same time; without
  /// the monitor they do not.
  bool monitor = true;
  /// A worker that has not passed its loop for this long counts as stuck.
  std::chrono::nanoseconds stuck_after = std::chrono::milliseconds(8);
  /// Called from the monitor's thread at most once a second per worker; must not block. Null: nobody is told.
  std::function<void(const stall_report&)> on_stall{};
  /// For tests: not 0 shuffles the order in which fibers run, by this seed.
  std::uint64_t shuffle_seed = 0;
  /// For tests: a resumed fiber continues on another worker than before wherever there is one.
  bool force_migration = false;
  /// For tests: makes the poller of each worker (0, 1, …), for instance one with a virtual clock. Null: the
  /// library's own.
  std::function<std::unique_ptr<poller>(unsigned worker)> make_poller{};
};

} // namespace coir
