// SPDX-License-Identifier: MIT
// Making a suspended fiber runnable. Floor 2.
#pragma once

namespace coir {

struct control_block;

/// Puts a suspended fiber on a queue; never runs it inline. Any thread, no lock held that the scheduler could need.
/// The caller must be the one who ended the fiber's wait: at most one resume per suspension.
void resume(control_block& fiber) noexcept;

} // namespace coir
