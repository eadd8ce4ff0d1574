// SPDX-License-Identifier: MIT
// system_call: what goes to the kernel and comes back, and that the calls behind it leave no trace.
#include "fiber/base/system_call.hpp"

#include "tests/catch.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

using coir::base::system_call;

namespace {

/// A function that calls no other keeps its variables below the stack pointer, and there they have to survive.
[[gnu::noinline]] std::uint64_t sum_around_a_call(std::uint64_t seed) {
  volatile std::uint64_t kept[12];
  for (std::size_t i = 0; i < 12; ++i) kept[i] = seed + i;
  static_cast<void>(system_call(SYS_getpid));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < 12; ++i) sum += kept[i];
  return sum;
}

/// So many returns behind a system call.
[[gnu::noinline]] std::int64_t call_below(int levels) { // NOLINT(misc-no-recursion)
  if (levels == 0) return system_call(SYS_getpid);
  const std::int64_t found = call_below(levels - 1);
  asm volatile("" ::: "memory"); // or it would be a jump
  return found;
}

volatile std::sig_atomic_t signals = 0;

} // namespace

TEST_CASE("Six arguments arrive, and an address comes back") {
  constexpr std::size_t size = 4096;
  const std::int64_t mapped =
      system_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(mapped > 0);
  auto* const bytes = reinterpret_cast<char*>(mapped); // NOLINT(performance-no-int-to-ptr)
  bytes[size - 1] = 'x';
  CHECK(bytes[0] == 0);
  CHECK(system_call(SYS_munmap, bytes, size) == 0);
}

TEST_CASE("What arguments point to is read and written") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  char sent[2] = {'a', 'b'};
  const iovec parts[2] = {{&sent[1], 1}, {&sent[0], 1}};
  CHECK(system_call(SYS_writev, ends[1], parts, 2) == 2);
  char received[2] = {};
  CHECK(system_call(SYS_read, ends[0], received, sizeof received) == 2);
  CHECK(received[0] == 'b');
  CHECK(received[1] == 'a');
  for (const int end : ends) CHECK(system_call(SYS_close, end) == 0);
}

TEST_CASE("A failure is -errno, and errno stays") {
  errno = 77;
  CHECK(system_call(SYS_close, -1) == -EBADF);
  CHECK(system_call(SYS_munmap, 1, 4096) == -EINVAL);
  CHECK(errno == 77);
}

TEST_CASE("What lies below the stack pointer survives") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) CHECK(sum_around_a_call(seed) == 12 * seed + 66);
}

TEST_CASE("As many returns as one likes follow") {
  for (int levels = 0; levels < 100; ++levels) CHECK(call_below(levels) == ::getpid());
}

TEST_CASE("A signal may come at any instruction") {
  struct sigaction counting {};
  struct sigaction before {};
  counting.sa_handler = [](int) { signals = signals + 1; };
  REQUIRE(::sigaction(SIGALRM, &counting, &before) == 0);
  const itimerval often{{0, 100}, {0, 100}};
  const itimerval never{};
  REQUIRE(::setitimer(ITIMER_REAL, &often, nullptr) == 0);
  bool is_right = true;
  for (std::uint64_t seed = 0; signals < 200; ++seed) {
    is_right =
        is_right && sum_around_a_call(seed) == 12 * seed + 66 && call_below(20) == ::getpid();
    if (seed % 64 == 0) ::usleep(1); // sleep: ThreadSanitizer keeps signals back until such a call
  }
  REQUIRE(::setitimer(ITIMER_REAL, &never, nullptr) == 0);
  REQUIRE(::sigaction(SIGALRM, &before, nullptr) == 0);
  CHECK(is_right);
}
