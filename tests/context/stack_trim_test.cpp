// SPDX-License-Identifier: MIT
// What stacks cost in resident memory: one page in use, 16 KiB in a cache, nothing beyond the warm reserve.
#include "tests/catch.hpp"
#include "tests/context/test_stack.hpp"

#include <algorithm>
#include <sys/mman.h>
#include <vector>

namespace coir::test {
namespace {

constexpr std::size_t page_bytes = 4096;

/// Pages of the stack's slot, guard aside, that are in memory.
std::size_t resident_pages(const stack& one) {
  const std::byte* const end = one.slot_begin + one.stride_bytes();
  const auto bytes = static_cast<std::size_t>(end - one.limit);
  std::vector<unsigned char> in_core(bytes / page_bytes);
  REQUIRE(::mincore(one.limit, bytes, in_core.data()) == 0);
  return static_cast<std::size_t>(
      std::count_if(in_core.begin(), in_core.end(), [](unsigned char c) { return (c & 1) != 0; }));
}

void use(const stack& one, std::size_t depth_bytes) {
  for (std::byte* at = one.base - 8; at >= one.base - depth_bytes; at -= 8) *at = std::byte{1};
}

/// A class per case, so that the stacks are new.
struct promised_class {
  explicit promised_class(unsigned index, std::size_t stacks) : size_class(index), count(stacks) {
    stack_pool::instance().promise(size_class, count);
  }
  promised_class(const promised_class&) = delete;
  promised_class& operator=(const promised_class&) = delete;
  ~promised_class() { stack_pool::instance().withdraw(size_class, count); }
  unsigned size_class;
  std::size_t count;
};

TEST_CASE("a small fiber's stack is one page, in use and free", "[trim]") {
  const promised_class stacks(4, 1);
  stack_cache cache;
  for (int round = 0; round < 3; ++round) {
    stack* const one = cache.take(stacks.size_class);
    use(*one, 1500);
    CHECK(resident_pages(*one) == 1);
    cache.give(one);
    CHECK(resident_pages(*one) == 1);
  }
  CHECK(stack_pool::instance().statistics(stacks.size_class).trims == 0);
}

TEST_CASE("a free stack keeps its top 16 KiB", "[trim]") {
  const promised_class stacks(5, 1);
  stack_cache cache;
  for (std::size_t round = 1; round <= 3; ++round) {
    stack* const one = cache.take(stacks.size_class);
    use(*one, std::size_t{200} << 10);
    CHECK(resident_pages(*one) >= 50);
    cache.give(one);
    CHECK(resident_pages(*one) == 4);
    CHECK(stack_pool::instance().statistics(stacks.size_class).trims == round);
  }
}

TEST_CASE("a stack that was a little deep is left alone", "[trim]") {
  const promised_class stacks(6, 1);
  stack_cache cache;
  for (int round = 0; round < 3; ++round) {
    stack* const one = cache.take(stacks.size_class);
    use(*one, std::size_t{10} << 10);
    cache.give(one);
    CHECK(resident_pages(*one) <= 4);
  }
  CHECK(stack_pool::instance().statistics(stacks.size_class).trims == 0);
}

TEST_CASE("beyond the warm reserve the pages of free stacks go back to the kernel", "[trim]") {
  constexpr std::size_t count = 5000;
  constexpr std::size_t most_warm = 1024;
  const promised_class stacks(3, count);
  std::vector<stack*> all;
  stack* list = nullptr;
  while (all.size() < count) all.push_back(stack_pool::instance().take(stacks.size_class, 1));
  std::vector<stack> copies; // the records go with the pages
  for (stack* const one : all) {
    use(*one, 10'000);
    copies.push_back(*one);
    one->next = list;
    list = one;
  }
  std::size_t before = 0;
  for (const stack& one : copies) before += resident_pages(one);
  CHECK(before >= 3 * count);

  stack_pool::instance().give(list);
  std::size_t after = 0;
  for (const stack& one : copies) after += resident_pages(one) > 0 ? 1 : 0;
  CHECK(after <= most_warm);
  const stack_statistics now = stack_pool::instance().statistics(stacks.size_class);
  CHECK(now.in_depot >= count);
  CHECK(now.trims > 0);
  CHECK(now.trims < count / 4); // neighbours went together

  // They come back as good as new.
  std::size_t taken = 0;
  for (; taken < count; ++taken) {
    stack* const one = stack_pool::instance().take(stacks.size_class, 1);
    one->next = taken == 0 ? nullptr : list;
    list = one;
    REQUIRE(one->has_guard);
    REQUIRE(one->tsan_fiber == nullptr);
  }
  stack_pool::instance().give(list);
}

} // namespace
} // namespace coir::test
