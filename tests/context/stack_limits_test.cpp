// SPDX-License-Identifier: MIT
// No address space: an exception of promise() and spawn(), with nothing changed, and never a failure later.
#include "fiber/runtime.hpp"
#include "fiber/spawn.hpp"
#include "tests/catch.hpp"
#include "tests/context/test_stack.hpp"
#include "tests/support/forked_child.hpp"

#include <cerrno>
#include <cstdio>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace coir::test {
namespace {

TEST_CASE("a stack's class is the smallest that holds it", "[limits]") {
  CHECK(stack_class_for(0) == 0);
  CHECK(stack_class_for(1) == 0);
  CHECK(stack_class_for(smallest_stack_bytes) == 0);
  CHECK(stack_class_for(smallest_stack_bytes + 1) == 1);
  CHECK(stack_class_for(default_stack_bytes) == 4);
  CHECK(stack_class_for(largest_stack_bytes) == stack_class_count - 1);
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    const std::size_t bytes = smallest_stack_bytes << size_class;
    CHECK(stack_class_for(bytes) == size_class);
    CHECK(stack_class_for(bytes - 1) == size_class);
  }
  try {
    static_cast<void>(stack_class_for(largest_stack_bytes + 1));
    FAIL("a stack above the largest size was accepted");
  } catch (const std::system_error& error) {
    CHECK(error.code() == std::errc::invalid_argument);
  }
}

// The sanitizers reserve terabytes of address space of their own.
#if !defined(COIR_ADDRESS_SANITIZER) && !defined(COIR_THREAD_SANITIZER)

std::size_t address_space_in_use() {
  std::size_t pages = 0;
  if (std::FILE* const file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%zu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool leave_address_space(std::size_t bytes) {
  const rlim_t limit = address_space_in_use() + bytes;
  const rlimit both{limit, limit};
  return ::setrlimit(RLIMIT_AS, &both) == 0;
}

/// How many promises of one stack the pool can keep.
std::size_t promise_all(unsigned size_class) {
  for (std::size_t count = 0;; ++count) {
    const stack_statistics before = stack_pool::instance().statistics(size_class);
    try {
      stack_pool::instance().promise(size_class, 1);
    } catch (const std::system_error& error) {
      const stack_statistics after = stack_pool::instance().statistics(size_class);
      const bool is_unchanged =
          after.promised == before.promised && after.reserved_slots == before.reserved_slots;
      return is_unchanged && error.code() == std::errc::not_enough_memory ? count : 0;
    }
  }
}

TEST_CASE("promise throws where the address space ends, and what it promised can be taken",
          "[limits]") {
  const auto end = run_in_child([] {
    constexpr unsigned size_class = 6; // 1 MiB
    if (!leave_address_space(std::size_t{128} << 20)) return false;
    const std::size_t count = promise_all(size_class);
    std::fprintf(stderr, "%zu promised\n", count);
    if (count < 64 || count > 128) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (stack_pool::instance().take(size_class, 1) == nullptr) return false;
    }
    return true;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

TEST_CASE("caches hold nothing back that was promised to others", "[limits]") {
  const auto end = run_in_child([] {
    constexpr unsigned size_class = 6;
    // The rest, which must leave room for the program's own needs, is too little for a cache's share.
    stack_pool& pool = stack_pool::instance();
    stack_cache greedy;
    stack_cache others;
    if (!leave_address_space(std::size_t{100} << 20)) return false;
    const std::size_t count = promise_all(size_class);
    if (count < 40) return false;
    // Half go through one cache and come back to it; then the other takes all.
    stack* taken[128] = {};
    for (std::size_t i = 0; i < count / 2; ++i) taken[i] = greedy.take(size_class);
    for (std::size_t i = 0; i < count / 2; ++i) greedy.give(taken[i]);
    for (std::size_t i = 0; i < count; ++i) {
      if (others.take(size_class) == nullptr) return false;
    }
    return pool.statistics(size_class).promised == count;
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

TEST_CASE("spawn throws where the address space ends, and the runtime goes on", "[limits]") {
  const auto end = run_in_child([] {
    runtime_options options;
    options.workers = 1;
    options.monitor = false;
    runtime here(options);
    return here.run([] {
      if (!leave_address_space(std::size_t{256} << 20)) return false;
      std::vector<fiber<int>> made;
      const spawn_options large{.stack_size = largest_stack_bytes};
      bool has_thrown = false;
      try {
        for (int i = 0; i < 100; ++i) made.push_back(coir::spawn(large, [i] { return i; }));
      } catch (const std::system_error& error) {
        has_thrown = error.code() == std::errc::not_enough_memory;
      }
      int expected = 0;
      for (auto& one : made) {
        if (one.join() != expected++) return false;
      }
      return has_thrown && expected > 0;
    });
  });
  INFO(end.error_output);
  CHECK(end.has_succeeded());
}

#endif

} // namespace
} // namespace coir::test
