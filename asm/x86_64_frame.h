/* SPDX-License-Identifier: MIT */
/* The words that a suspended x86-64 stack ends with, lowest address first: what a context points at. Floor 0. */
/* Shared by x86_64_sysv.S and C++; fiber/context/stack.cpp compares the two halves. */
#ifndef COIR_ASM_X86_64_FRAME_H
#define COIR_ASM_X86_64_FRAME_H

#define COIR_FRAME_CONTINUATION 0x00
#define COIR_FRAME_R15 0x08
#define COIR_FRAME_R14 0x10
#define COIR_FRAME_R13 0x18
#define COIR_FRAME_R12 0x20
#define COIR_FRAME_RBX 0x28
#define COIR_FRAME_RBP 0x30
#define COIR_FRAME_RIP 0x38
#define COIR_FRAME_BYTES 0x40

#define COIR_FRESH_ENTRY 0x08
#define COIR_FRESH_BYTES 0x10

#ifndef __ASSEMBLER__
#include <cstdint>

namespace coir {

/// For debuggers and tests: `*static_cast<const x86_64_frame*>(context)` describes a stack that
/// was left by coir_jump_context; of others only `continuation` is valid.
struct x86_64_frame {
  std::uint64_t continuation;
  std::uint64_t r15;
  std::uint64_t r14;
  std::uint64_t r13;
  std::uint64_t r12;
  std::uint64_t rbx;
  std::uint64_t rbp;
  std::uint64_t rip;
};

} // namespace coir
#endif

#endif
