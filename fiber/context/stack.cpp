// SPDX-License-Identifier: MIT
#include "fiber/context/stack.hpp"

#include "asm/x86_64_frame.h"

#include <bit>
#include <system_error>

namespace coir {

// The assembly and whoever reads a suspended stack agree on where its words lie.
static_assert(offsetof(x86_64_frame, continuation) == COIR_FRAME_CONTINUATION);
static_assert(offsetof(x86_64_frame, r15) == COIR_FRAME_R15);
static_assert(offsetof(x86_64_frame, r14) == COIR_FRAME_R14);
static_assert(offsetof(x86_64_frame, r13) == COIR_FRAME_R13);
static_assert(offsetof(x86_64_frame, r12) == COIR_FRAME_R12);
static_assert(offsetof(x86_64_frame, rbx) == COIR_FRAME_RBX);
static_assert(offsetof(x86_64_frame, rbp) == COIR_FRAME_RBP);
static_assert(offsetof(x86_64_frame, rip) == COIR_FRAME_RIP);
static_assert(sizeof(x86_64_frame) == COIR_FRAME_BYTES);

unsigned stack_class_for(std::size_t bytes) {
  if (bytes > largest_stack_bytes) {
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            "coir: a stack may have at most 64 MiB");
  }
  if (bytes <= smallest_stack_bytes) return 0;
  return static_cast<unsigned>(std::bit_width(bytes - 1) -
                               std::bit_width(smallest_stack_bytes - 1));
}

} // namespace coir
