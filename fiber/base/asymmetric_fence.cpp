// SPDX-License-Identifier: MIT
#include "fiber/base/asymmetric_fence.hpp"

#include "fiber/base/atomic.hpp"
#include "fiber/base/check.hpp"
#include "fiber/base/system_call.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>

namespace coir::base {
namespace {

bool register_with_kernel() noexcept {
#ifdef COIR_THREAD_SANITIZER
  return false;
#else
  return system_call(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
#endif
}

} // namespace

bool has_heavy_fence() noexcept {
  static const bool available = register_with_kernel();
  return available;
}

void heavy_fence() noexcept {
  COIR_CHECK(system_call(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0,
             "membarrier(2) was registered and is refused now");
}

} // namespace coir::base
