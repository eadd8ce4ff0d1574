// SPDX-License-Identifier: MIT
#include "fiber/base/check.hpp"

#include "fiber/base/atomic.hpp"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace coir::base {
namespace {
atomic<std::uint64_t (*)() noexcept> fiber_id_source{nullptr};
} // namespace

void set_fiber_id_source(std::uint64_t (*source)() noexcept) noexcept {
  // relaxed: the function is code, there is no memory to publish with its address.
  fiber_id_source.store(source, relaxed);
}

void check_failed(const char* expression, const char* message, const char* file,
                  int line) noexcept {
  // relaxed: see set_fiber_id_source.
  auto* const source = fiber_id_source.load(relaxed);
  char text[512];
  const int length =
      std::snprintf(text, sizeof text, "coir: %s (%s) at %s:%d, fiber %llu\n", message, expression,
                    file, line, static_cast<unsigned long long>(source ? source() : 0));
  const auto size = length < 0                                    ? 0U
                    : static_cast<unsigned>(length) < sizeof text ? static_cast<unsigned>(length)
                                                                  : sizeof text - 1;
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, size);
  std::abort();
}

} // namespace coir::base
