// SPDX-License-Identifier: MIT
// The one accessor of thread state. Floor 2.
//
// A compiler may keep the address of a thread_local in a register across a call that suspends; on another thread it
// is then the wrong one. So every access goes through functions that are never inlined (not by LTO either), and no
// result is kept across a suspension.
#pragma once

#include "fiber/deadline.hpp"

namespace coir {

class worker;
struct control_block;

/// The worker that the calling thread is, or null.
[[nodiscard]] worker* current_worker() noexcept;
void set_current_worker(worker* self) noexcept;

/// The running fiber, or null: a plain thread, or a worker between fibers.
[[nodiscard]] control_block* current_fiber() noexcept;

/// Where deadline_scope keeps the limit of the calling fiber or plain thread.
[[nodiscard]] clock::time_point& current_limit() noexcept;

} // namespace coir
