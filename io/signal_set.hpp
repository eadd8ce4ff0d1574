// SPDX-License-Identifier: MIT
// signal_set: waits for signals as for bytes. Floor 5.
#pragma once

#include "fiber/deadline.hpp"
#include "io/descriptor.hpp"

#include <csignal>
#include <initializer_list>
#include <system_error>

namespace coir {

/// Blocks signals in the calling thread and lets fibers wait for them (signalfd(2)). No disposition is changed.
/// The destructor drops those that came and were not waited for, and unblocks what it has blocked: so a server that
/// is told twice to stop ends as cleanly as one that is told once.
///
/// Make it in main() before run() and before other threads are started: they inherit the mask. A signal that
/// some thread does not block has its usual effect there.
///
///     coir::signal_set stop_signals{SIGINT, SIGTERM};
///     return coir::run([&] { …; stop_signals.wait(); });
class signal_set : public descriptor {
public:
  /// Throws std::system_error (invalid_argument for a number that is no signal, too_many_files_open, …).
  signal_set(std::initializer_list<int> signals);
  /// On the thread that made it.
  ~signal_set();
  signal_set(signal_set&&) = delete;

  /// Suspends until one of the signals comes, and returns its number. Cancellation point, bounded by
  /// deadline_scope. **safety**: any fiber or thread; each signal is returned to one waiter. close() ends the
  /// waits of fibers at once, that of a plain thread with the next signal.
  int wait(deadline limit = {});
  int wait(std::error_code& error, deadline limit = {}) noexcept;

private:
  explicit signal_set(const sigset_t& wanted);
  static sigset_t as_set(std::initializer_list<int> signals);
  static int open(const sigset_t& wanted);
  std::int64_t take(deadline limit) noexcept;

  sigset_t added_; ///< blocked by us, not before
};

} // namespace coir
