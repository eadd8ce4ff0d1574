// SPDX-License-Identifier: MIT
// How an interrupted wait is reported. Floor 2.
#pragma once

#include "fiber/sched/wait_queue.hpp"

#include <system_error>

namespace coir {

/// No error, std::errc::timed_out or std::errc::operation_canceled.
[[nodiscard]] inline std::error_code to_error(wait_outcome outcome) noexcept {
  switch (outcome) {
  case wait_outcome::timed_out: return std::make_error_code(std::errc::timed_out);
  case wait_outcome::stopped: return std::make_error_code(std::errc::operation_canceled);
  case wait_outcome::notified: break;
  }
  return {};
}

/// Throws std::system_error unless the wait was ended by a notification.
inline void throw_if_interrupted(wait_outcome outcome, const char* what) {
  if (outcome != wait_outcome::notified) throw std::system_error(to_error(outcome), what);
}

} // namespace coir
