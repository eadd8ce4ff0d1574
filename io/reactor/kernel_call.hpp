// SPDX-License-Identifier: MIT
// How io/ calls the kernel: the result is a count or -errno, and errno stays as it was. Floor 4. Private.
#pragma once

#include "fiber/base/system_call.hpp"
#include "fiber/context/sanitizer.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <sys/socket.h>
#include <sys/syscall.h>

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

/// The system call `number` with these arguments, or `by_libc()` if the sanitizers watch, who want to see what libc is
/// asked for.
template <class ByLibc, class... Arguments>
[[gnu::always_inline]] inline std::int64_t
direct_call([[maybe_unused]] ByLibc&& by_libc, [[maybe_unused]] long number,
            [[maybe_unused]] Arguments... arguments) noexcept {
#if defined(COIR_ADDRESS_SANITIZER) || defined(COIR_THREAD_SANITIZER)
  return kernel_call(by_libc);
#else
  return base::system_call(number, arguments...);
#endif
}

/// recv(2).
[[gnu::always_inline]] inline std::int64_t receive(int fd, void* bytes, std::size_t size) noexcept {
  const auto by_libc = [&] { return ::recv(fd, bytes, size, 0); };
  return direct_call(by_libc, SYS_recvfrom, fd, bytes, size, 0, 0, 0);
}

/// send(2), without SIGPIPE.
[[gnu::always_inline]] inline std::int64_t send(int fd, const void* bytes,
                                                std::size_t size) noexcept {
  const auto by_libc = [&] { return ::send(fd, bytes, size, MSG_NOSIGNAL); };
  return direct_call(by_libc, SYS_sendto, fd, bytes, size, MSG_NOSIGNAL, 0, 0);
}

} // namespace coir
