// SPDX-License-Identifier: MIT
// signal_set: waits for signals as for bytes. Floor 5.
#pragma once

#include "io/async_operation.hpp"
#include "io/descriptor.hpp"

#include <csignal>
#include <initializer_list>
#include <system_error>

namespace coir {

/// Takes a signal that has come. Private.
struct signal_attempt {
  static constexpr direction way = direction::read;
  fd_state& source;

  [[nodiscard]] fd_state& record() const noexcept { return source; }
  /// Returns its number.
  std::int64_t operator()(int fd) const noexcept;
  [[nodiscard]] static int value(std::int64_t result) noexcept {
    return result < 0 ? 0 : static_cast<int>(result);
  }
  [[nodiscard]] static const char* what() noexcept { return "coir: signal_set::wait"; }
};

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
  /// The same, suspending the coroutine that awaits it.
  [[nodiscard]] async_operation<signal_attempt> async_wait(deadline limit = {}) noexcept {
    return {{record()}, limit};
  }
  [[nodiscard]] async_operation<signal_attempt, reporting<std::error_code>>
  async_wait(std::error_code& error, deadline limit = {}) noexcept {
    return {{record()}, limit, {&error}};
  }

private:
  explicit signal_set(const sigset_t& wanted);
  static sigset_t as_set(std::initializer_list<int> signals);
  static int open(const sigset_t& wanted);

  sigset_t added_; ///< blocked by us, not before
};

} // namespace coir
