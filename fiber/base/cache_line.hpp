// SPDX-License-Identifier: MIT
// Size of a cache line. Floor 0.
#pragma once

#include <cstddef>

namespace coir::base {
/// Fixed and not std::hardware_destructive_interference_size, which may differ between the compilers of a program
/// and its library (gcc warns about exactly that). x86-64, aarch64 and riscv64 cores of today use 64.
inline constexpr std::size_t cache_line_size = 64;
} // namespace coir::base
