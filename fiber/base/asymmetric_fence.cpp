// SPDX-License-Identifier: MIT
#include "fiber/base/asymmetric_fence.hpp"

#include "fiber/base/atomic.hpp"
#include "fiber/base/check.hpp"

#include <cerrno>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace coir::base {
namespace {

bool register_with_kernel() noexcept {
#ifdef COIR_THREAD_SANITIZER
  return false;
#else
  const int errno_before = errno;
  const long result = ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
  errno = errno_before;
  return result == 0;
#endif
}

} // namespace

bool has_heavy_fence() noexcept {
  static const bool available = register_with_kernel();
  return available;
}

void heavy_fence() noexcept {
  const int errno_before = errno;
  const long result = ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
  errno = errno_before;
  COIR_CHECK(result == 0, "membarrier(2) was registered and is refused now");
}

} // namespace coir::base
