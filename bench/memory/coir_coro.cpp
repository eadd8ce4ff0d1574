// SPDX-License-Identifier: MIT
// memory with coroutines of coir, which wait for a semaphore, or sleep (--asleep).
#include "bench/memory/params.hpp"

#include "examples/options.hpp"
#include "fiber/coro/sleep.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/latch.hpp"
#include "fiber/semaphore.hpp"
#include "fiber/thread.hpp"

#include <vector>

namespace {

class memory_program : public bench::program {
public:
  memory_program() : program("memory", "coir_coro", "waiting for a semaphore") {}
  [[nodiscard]] bool is_asleep() const noexcept { return is_asleep_; }

protected:
  bool parse_own(examples::option_reader& options) override {
    if (!options.is("--asleep")) return false;
    options.flag();
    is_asleep_ = true;
    set_detail("asleep");
    return true;
  }
  [[nodiscard]] const char* own_help() const override {
    return "  --asleep      they sleep instead of waiting for a semaphore\n";
  }

private:
  bool is_asleep_ = false;
};

struct gate {
  coir::latch are_ready;
  coir::counting_semaphore<> opened{0};

  explicit gate(std::uint64_t count) : are_ready(static_cast<std::ptrdiff_t>(count)) {}
};

coir::task<std::uint64_t> wait_for_semaphore(gate& closed, std::uint64_t number) {
  closed.are_ready.count_down();
  co_await closed.opened.async_acquire();
  co_return number;
}

/// Until it is requested to stop.
coir::task<std::uint64_t> sleep(gate& closed, std::uint64_t number) {
  closed.are_ready.count_down();
  try {
    co_await coir::this_fiber::async_sleep_for(std::chrono::hours(1));
  } catch (const std::system_error& error) {
    bench::require(error.code() == std::errc::operation_canceled, "a sleep failed");
    co_return number;
  }
  co_return 0;
}

/// Runs as a fiber, on the one worker.
void measure(const memory_program& self, std::uint64_t count) {
  gate closed(count);
  std::vector<coir::fiber<std::uint64_t>> all(count); // touched before, so that handles do not count
  bench::memory::growth growth(count);
  for (std::uint64_t i = 0; i < count; ++i)
    all[i] = coir::spawn(self.is_asleep() ? sleep(closed, i) : wait_for_semaphore(closed, i));
  closed.are_ready.wait(); // the last one suspends before this fiber goes on
  growth.stop();

  if (self.is_asleep()) {
    for (auto& each : all) each.request_stop();
  } else {
    closed.opened.release(static_cast<std::ptrdiff_t>(count));
  }
  std::uint64_t sum = 0;
  for (auto& each : all) sum += each.join();
  bench::require(sum == bench::memory::answer(count), "a coroutine's result was lost");
  growth.report(self);
}

} // namespace

int main(int argc, char** argv) {
  memory_program self;
  self.parse(argc, argv);
  coir::run({.workers = 1}, [&] { measure(self, self.count(bench::memory::sizes)); });
}
