// SPDX-License-Identifier: MIT
// The workload `stalls` with a std::thread per connection and per stall: the kernel schedules. Floor 7.
// Fair: blocking calls and nothing else; --workers is ignored, since the CPUs that it may use bound it.
#include "bench/echo/thread_echo.hpp"
#include "bench/echo/thread_server.hpp"
#include "bench/stalls/stall.hpp"

#include <stop_token>

namespace {

void stall(const std::stop_token& stopping, const bench::stall_plan& plan, unsigned index) {
  for (auto due = plan.first_due(index); !stopping.stop_requested(); due += bench::stall_period) {
    std::this_thread::sleep_until(due);
    plan.compute();
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = bench::parse_stall_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<bench::stall_options>(parsed);
  bench::block_stop_signals();
  const bench::stall_plan plan(options.stalls, options.steps);
  std::vector<std::jthread> stalls;
  for (unsigned i = 0; i < plan.count(); ++i) stalls.emplace_back(stall, std::cref(plan), i);
  const int status = bench::run_thread_server("stalls_std_thread", options.server, bench::echo);
  for (std::jthread& one : stalls) one.request_stop(); // all at once, before each is joined
  return status;
}
