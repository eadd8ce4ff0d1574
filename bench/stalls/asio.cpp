// SPDX-License-Identifier: MIT
// A rival of the workload `stalls`: Boost.Asio with C++20 coroutines, as in bench/echo/asio_server.hpp. Floor 7.
// Fair: all threads run one io_context, so whichever is free takes what is ready.
#include "bench/echo/asio_echo.hpp"
#include "bench/stalls/stall.hpp"

#include <cstdio>
#include <exception>

namespace {

using namespace bench::on_asio;

awaitable<> stall(const bench::stall_plan& plan, timer waiting) {
  for (;;) {
    co_await waiting.async_wait(results);
    plan.compute();
    waiting.expires_at(waiting.expiry() + bench::stall_period);
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = bench::parse_stall_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<bench::stall_options>(parsed);
  try {
    const bench::stall_plan plan(options.stalls, options.steps);
    serve(options.server, echo, [&](const executor& here) {
      for (unsigned i = 0; i < plan.count(); ++i) {
        asio::co_spawn(here, stall(plan, timer(here, plan.first_due(i))), asio::detached);
      }
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stalls_asio: %s\n", error.what());
    return 1;
  }
  return 0;
}
