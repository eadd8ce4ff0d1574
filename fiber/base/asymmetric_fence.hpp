// SPDX-License-Identifier: MIT
// A store-load barrier whose whole cost is on the rare side. Floor 0.
//
// heavy_fence() makes every running thread of the process pass a full barrier (membarrier(2), PRIVATE_EXPEDITED),
// so that the frequent side needs only light_fence(), which is no instruction at all.
#pragma once

namespace coir::base {

/// True if this process may use heavy_fence(): the kernel has membarrier, no filter refuses it, and no ThreadSanitizer
/// watches (it could not see the barrier). Decided once.
[[nodiscard]] bool has_heavy_fence() noexcept;

/// Pairs with light_fence(). Only if has_heavy_fence().
void heavy_fence() noexcept;

} // namespace coir::base
