// SPDX-License-Identifier: MIT
// Tells the CPU that this is a spin loop. Floor 0.
#pragma once

namespace coir::base {
inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory"); // waits longer than `yield`, which many cores ignore
#else
  asm volatile("" ::: "memory");
#endif
}
} // namespace coir::base
