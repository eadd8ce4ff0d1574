// SPDX-License-Identifier: MIT
// How io/ calls the kernel: the result is a count or -errno, and errno stays as it was. Floor 4. Private.
#pragma once

#include "fiber/context/sanitizer.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <sys/syscall.h>

// The sanitizers want to see what libc is asked for.
#if defined(__x86_64__) && !defined(COIR_ADDRESS_SANITIZER) && !defined(COIR_THREAD_SANITIZER)
#define COIR_DIRECT_CALLS 1
#endif

namespace coir {

/// `call()` returns as functions of libc do: below 0 an error, whose number is in errno.
///
/// Never inlined: the compiler takes the address of errno for constant, and would keep it while the caller suspends
/// and moves to another thread. So an operation uses errno in here and nowhere else.
template <class Call>
[[gnu::noinline]] std::int64_t kernel_call(Call&& call) noexcept {
  const int errno_before = errno;
  std::int64_t result = call();
  if (result < 0) result = -std::int64_t{errno};
  errno = errno_before;
  return result;
}

#ifdef COIR_DIRECT_CALLS
/// A system call without libc, whose recv and send are cancellation points: in a process with several threads that is
/// four locked instructions and 80 others per request, for calls that never block.
[[gnu::always_inline]] inline std::int64_t direct_call(long number, int fd, const void* bytes,
                                                       std::size_t size, int flags) noexcept {
  // Linux, System V ABI of x86-64, appendix A.2.1: number and result in rax, arguments in rdi, rsi, rdx, r10, r8, r9;
  // rcx and r11 are lost.
  register long flags_in_r10 asm("r10") = flags;
  register long address_in_r8 asm("r8") = 0;
  register long address_size_in_r9 asm("r9") = 0;
  std::int64_t result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(long{fd}), "S"(bytes), "d"(size), "r"(flags_in_r10), "r"(address_in_r8),
                 "r"(address_size_in_r9)
               : "rcx", "r11", "memory");
  return result;
}
#endif

/// recv(2).
[[gnu::always_inline]] inline std::int64_t receive(int fd, void* bytes, std::size_t size) noexcept {
#ifdef COIR_DIRECT_CALLS
  return direct_call(SYS_recvfrom, fd, bytes, size, 0);
#else
  return kernel_call([&] { return ::recv(fd, bytes, size, 0); });
#endif
}

/// send(2), without SIGPIPE.
[[gnu::always_inline]] inline std::int64_t send(int fd, const void* bytes,
                                                std::size_t size) noexcept {
#ifdef COIR_DIRECT_CALLS
  return direct_call(SYS_sendto, fd, bytes, size, MSG_NOSIGNAL);
#else
  return kernel_call([&] { return ::send(fd, bytes, size, MSG_NOSIGNAL); });
#endif
}

} // namespace coir
