// SPDX-License-Identifier: MIT
// memory with coir: fibers that wait at a latch.
#include "bench/memory/params.hpp"

#include "examples/options.hpp"
#include "fiber/latch.hpp"
#include "fiber/thread.hpp"

#include <vector>

namespace {

class memory_program : public bench::program {
public:
  memory_program() : program("memory", "coir", "stacks of 256 KiB") {}
  [[nodiscard]] std::size_t stack_bytes() const noexcept { return stack_bytes_; }

protected:
  bool parse_own(examples::option_reader& options) override {
    if (!options.is("--stack-bytes")) return false;
    stack_bytes_ = options.number(coir::smallest_stack_bytes, coir::largest_stack_bytes);
    set_detail("stacks of " + std::to_string(stack_bytes_ >> 10) + " KiB");
    return true;
  }
  [[nodiscard]] const char* own_help() const override {
    return "  --stack-bytes S   address space of each stack (default 262144)\n";
  }

private:
  std::size_t stack_bytes_ = coir::default_stack_bytes;
};

/// Runs as a fiber, on the one worker.
void measure(const bench::program& self, std::uint64_t count) {
  coir::latch are_ready(static_cast<std::ptrdiff_t>(count));
  coir::latch gate(1);
  std::vector<coir::fiber<std::uint64_t>> fibers(count); // touched before, so that handles do not count
  bench::memory::growth growth(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    fibers[i] = coir::spawn([&, i] {
      are_ready.count_down();
      gate.wait();
      return i;
    });
  }
  are_ready.wait(); // who counts down last suspends before this fiber goes on
  growth.stop();

  gate.count_down();
  std::uint64_t sum = 0;
  for (auto& fiber : fibers) sum += fiber.join();
  bench::require(sum == bench::memory::answer(count), "a fiber's result was lost");
  growth.report(self);
}

} // namespace

int main(int argc, char** argv) {
  memory_program self;
  self.parse(argc, argv);
  coir::run({.workers = 1, .stack_size = self.stack_bytes()},
            [&] { measure(self, self.count(bench::memory::sizes)); });
}
