// SPDX-License-Identifier: MIT
// A million fibers at once, guarded, with the system's limits as they are: what each costs, and that each is resumed.
#include "fiber/context/stack_pool.hpp"
#include "fiber/latch.hpp"
#include "fiber/thread.hpp"
#include "tests/catch.hpp"
#include "tests/support/living_fibers.hpp"
#include "tests/support/process_memory.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/worker_counts.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace {

/// Where sanitizers watch, and where memory is short, as many as there is room for.
std::size_t choose_count() {
  if (coir::test::has_thread_sanitizer) return 3'000;
  if (coir::test::has_address_sanitizer) return 10'000;
  constexpr std::size_t wanted = 1'000'000;
  constexpr std::size_t needed_bytes = 6'000; // each, with some to spare
  const std::size_t possible = coir::test::available_bytes() / needed_bytes;
  if (possible < wanted)
    WARN("only " << possible << " fibers fit into the memory that is available");
  return std::min(wanted, possible);
}

/// Whether the kernel can guard that many (Linux 6.13); an older one runs out of mappings, and the pool of guards.
bool has_light_guards() {
  constexpr int madv_guard_install = 102;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const probe =
      ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return false;
  const bool is_possible = ::madvise(probe, page, madv_guard_install) == 0;
  ::munmap(probe, page);
  return is_possible;
}

struct outcome {
  double kib_each;
  std::size_t resumed;
};

/// Has `count` fibers suspended at the same time, and then resumes and joins them all.
outcome suspend_all(const coir::runtime_options& options, std::size_t count) {
  return coir::run(options, [count] {
    const auto before = coir::test::read_memory();
    coir::latch all_run(static_cast<std::ptrdiff_t>(count));
    coir::latch go_on(1);
    std::atomic<std::size_t> resumed{0};
    std::vector<coir::fiber<>> fibers;
    fibers.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      fibers.push_back(coir::spawn([&] {
        all_run.count_down();
        go_on.wait();
        ++resumed;
      }));
    }
    all_run.wait();
    coir::this_fiber::yield(); // the last of them goes from counting down to waiting
    const auto after = coir::test::read_memory();
    go_on.count_down();
    for (auto& each : fibers) each.join();
    const auto bytes = static_cast<double>(after.resident_bytes + after.page_table_bytes) -
                       static_cast<double>(before.resident_bytes + before.page_table_bytes);
    return outcome{bytes / 1024.0 / static_cast<double>(count), resumed.load()};
  });
}

} // namespace

TEST_CASE("A million fibers are suspended at once, and each costs little more than a page") {
  struct variant {
    std::size_t stack_bytes;
    double most_kib;
  };
  const auto chosen =
      GENERATE(variant{std::size_t{64} << 10, 4.6}, variant{coir::default_stack_bytes, 5.0});
  const std::size_t count = choose_count();
  auto options = coir::test::with_workers(0);
  options.stack_size = chosen.stack_bytes;
  const auto result = suspend_all(options, count);
  CHECK(result.resumed == count);
  INFO(result.kib_each << " KiB each");
  if (!coir::test::is_sanitized && count >= 100'000) CHECK(result.kib_each <= chosen.most_kib);
  const unsigned size_class = coir::stack_class_for(chosen.stack_bytes);
  if (has_light_guards()) CHECK(coir::stack_pool::instance().statistics(size_class).unguarded == 0);
  CHECK(coir::test::count_living_fibers() == 0);
}
