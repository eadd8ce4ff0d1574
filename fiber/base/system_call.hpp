// SPDX-License-Identifier: MIT
// A system call without libc. Floor 0.
//
// Why not libc's functions:
// - recv, send and epoll_wait are cancellation points: in a process with several threads that is four locked
//   instructions and 80 others per request. A worker is not cancelled.
// - They return. Behind the kernel the CPU's stack of return addresses is of no use, and on some machines the first
//   `ret` that takes one from it makes the next system call cost 750 ns more (measured on AMD Zen 4 with the kernel's
//   "Safe RET": docs/decisions.md). So the call is inlined, and it fills that stack again: eight calls that are never
//   returned from, enough for who called the functions around it. They cost about 3 ns; where the kernel leaves the
//   stack intact, up to eight returns are mispredicted besides.
//
// Between the calls rsp is moved without a note to unwinders: a profiler that unwinds by DWARF at that moment may name
// a wrong caller. Shadow stacks (CET) would keep the eight; coir does not work with them in any case.
#pragma once

#include <cstdint>
#include <type_traits>

#ifndef __x86_64__
#include <cerrno>
#include <unistd.h>
#endif

namespace coir::base {

/// What goes into the register of an argument.
template <class Argument>
[[nodiscard]] long word_of(Argument argument) noexcept {
  if constexpr (std::is_pointer_v<Argument>) {
    return reinterpret_cast<long>(argument);
  } else {
    return static_cast<long>(argument);
  }
}

#ifdef __x86_64__
/// Up to six arguments, integers and pointers; the result is the kernel's, at failure -errno. errno itself is not
/// touched.
template <class... Arguments>
[[gnu::always_inline]] inline std::int64_t system_call(long number,
                                                       Arguments... arguments) noexcept {
  static_assert(sizeof...(Arguments) <= 6);
  const long words[6] = {word_of(arguments)...};
  // Linux, System V ABI of x86-64, appendix A.2.1: number and result in rax, arguments in rdi, rsi, rdx, r10, r8, r9;
  // rcx and r11 are lost.
  register long fourth asm("r10") = words[3];
  register long fifth asm("r8") = words[4];
  register long sixth asm("r9") = words[5];
  std::int64_t result = number;
  asm volatile("syscall\n\t"
               "lea -128(%%rsp), %%rsp\n\t" // what is just below belongs to leaf functions
               ".rept 8\n\t"
               "call 1f\n\t"
               "int3\n\t" // never reached; a call of the very next instruction would fill nothing
               "1:\n\t"
               ".endr\n\t"
               "lea 192(%%rsp), %%rsp"
               : "+a"(result)
               : "D"(words[0]), "S"(words[1]), "d"(words[2]), "r"(fourth), "r"(fifth), "r"(sixth)
               : "rcx", "r11", "memory");
  return result;
}
#else
/// The same. Never inlined: the compiler takes the address of errno for constant, and would keep it while the caller
/// suspends and moves to another thread.
template <class... Arguments>
[[gnu::noinline]] std::int64_t system_call(long number, Arguments... arguments) noexcept {
  const int errno_before = errno;
  std::int64_t result = ::syscall(number, word_of(arguments)...);
  if (result < 0) result = -std::int64_t{errno};
  errno = errno_before;
  return result;
}
#endif

} // namespace coir::base
