// SPDX-License-Identifier: MIT
// What lies below a stack ends the process, in each of the three ways to protect one. Each case has a process of its
// own, because it ends, or because it changes how the pool cuts stacks.
#include "fiber/context/stack_region.hpp"
#include "tests/catch.hpp"
#include "tests/context/child_death.hpp"
#include "tests/context/test_stack.hpp"

#include <cstdio>
#include <cstring>

namespace coir::test {
namespace {

void write_to(std::byte* address) { *const_cast<volatile std::byte*>(address) = std::byte{1}; }

stack* take_new(unsigned size_class) {
  stack_pool::instance().promise(size_class, 1);
  return stack_pool::instance().take(size_class, 1);
}

TEST_CASE("a write below any stack is a fault", "[guard]") {
  for (unsigned size_class = 0; size_class < stack_class_count; ++size_class) {
    INFO("class " << size_class);
    const auto first = run_in_child([=] {
      write_to(take_new(size_class)->limit - 1);
      return true;
    });
    CHECK(was_killed_by(first, SIGSEGV));
    const auto last = run_in_child([=] {
      write_to(take_new(size_class)->slot_begin);
      return true;
    });
    CHECK(was_killed_by(last, SIGSEGV));
    const auto inside = run_in_child([=] {
      stack* const one = take_new(size_class);
      write_to(one->limit);
      write_to(one->base - 1);
      return one->has_guard;
    });
    CHECK(inside.has_succeeded());
  }
}

TEST_CASE("guards take a quarter of a slot and at most 64 KiB, and the gap", "[guard]") {
  CHECK(guard_bytes(0) == 4096 + slot_gap_bytes);
  CHECK(guard_bytes(stack_class_for(std::size_t{64} << 10)) ==
        (std::size_t{16} << 10) + slot_gap_bytes);
  const std::size_t most = (std::size_t{64} << 10) + slot_gap_bytes;
  CHECK(guard_bytes(stack_class_for(default_stack_bytes)) == most);
  CHECK(guard_bytes(stack_class_count - 1) == most);
}

TEST_CASE("a guard outlives the pages of its stack", "[guard]") {
  const auto end = run_in_child([] {
    constexpr std::size_t count = 4096; // more than stay warm
    stack_pool& pool = stack_pool::instance();
    pool.promise(1, count);
    stack* list = nullptr;
    for (std::size_t i = 0; i < count; ++i) {
      stack* const one = pool.take(1, 1);
      one->next = list;
      list = one;
    }
    std::byte* const limit = list->limit; // the last of the list goes back to the kernel
    std::byte* cold = limit;
    for (stack* one = list; one != nullptr; one = one->next) cold = one->limit;
    pool.give(list);
    if (pool.statistics(1).trims == 0) return false;
    std::fputs("trimmed\n", stderr);
    write_to(cold - 1);
    return true;
  });
  CHECK(says(end, "trimmed"));
  CHECK(was_killed_by(end, SIGSEGV));
}

TEST_CASE("without lightweight guards mprotect guards", "[guard]") {
  const auto end = run_in_child([] {
    stack_region::force_guard_mode(guard_mode::protect);
    stack* const one = take_new(3);
    std::fputs(one->has_guard ? "guarded\n" : "bare\n", stderr);
    write_to(one->limit);
    write_to(one->limit - 1);
    return true;
  });
  CHECK(says(end, "guarded"));
  CHECK(was_killed_by(end, SIGSEGV));
}

int warnings = 0;
const char* last_warning = "";

void count_warning(const char* message) noexcept {
  ++warnings;
  last_warning = message;
}

TEST_CASE("when the budget of guards is used up, stacks go without and somebody is told",
          "[guard]") {
  const auto end = run_in_child([] {
    stack_region::force_guard_mode(guard_mode::protect, 5);
    stack_pool& pool = stack_pool::instance();
    pool.set_warning_handler(count_warning);
    constexpr std::size_t count = 64;
    pool.promise(4, count);
    std::size_t guarded = 0;
    std::size_t taken = 0;
    for (; taken < count; ++taken) guarded += pool.take(4, 1)->has_guard ? 1 : 0;
    pool.set_warning_handler(nullptr);
    return guarded == 5 && warnings >= 59 &&
           pool.statistics(4).unguarded == std::size_t(warnings) &&
           std::strstr(last_warning, "vm.max_map_count") != nullptr;
  });
  CHECK(end.has_succeeded());
}

TEST_CASE("more stacks than mappings are possible", "[guard]") {
  const auto end = run_in_child([] {
    stack_region::force_guard_mode(guard_mode::protect);
    stack_pool& pool = stack_pool::instance();
    constexpr std::size_t count = 70'000; // above the default vm.max_map_count
    pool.promise(0, count);
    std::size_t guarded = 0;
    for (std::size_t taken = 0; taken < count; ++taken) {
      stack* const one = pool.take(0, 1);
      guarded += one->has_guard ? 1 : 0;
      write_to(one->base - 1);
    }
    // Something is left for the rest of the program.
    std::FILE* const file = std::fopen("/proc/sys/vm/max_map_count", "r");
    long long maps = 0;
    const bool is_read = file != nullptr && std::fscanf(file, "%lld", &maps) == 1;
    return is_read && guarded > 0 && static_cast<long long>(guarded) <= maps / 4;
  });
  CHECK(end.has_succeeded());
}

TEST_CASE("a stack without guard has a canary", "[guard]") {
  const auto end = run_in_child([] {
    stack_region::force_guard_mode(guard_mode::canary);
    stack_cache cache;
    stack_pool::instance().promise(5, 2);
    stack* const good = cache.take(5);
    write_to(good->limit);
    cache.give(good);
    std::fputs("good\n", stderr);
    stack* const bad = cache.take(5);
    write_to(bad->limit - 8);
    cache.give(bad);
    return true;
  });
  CHECK(says(end, "good"));
  CHECK(says(end, "a fiber overflowed its stack"));
  CHECK(says(end, "vm.max_map_count"));
  CHECK(was_killed_by(end, SIGABRT));
}

} // namespace
} // namespace coir::test
