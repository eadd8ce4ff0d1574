// SPDX-License-Identifier: MIT
// The twin of echo_server.cpp with one kernel thread per connection: std::thread, blocking sockets, no coir. Floor 7.
#include "bench/echo/thread_echo.hpp"
#include "bench/echo/thread_server.hpp"

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv,
      "sends back what it receives, with one thread per connection.\n"
      "--workers is accepted and ignored, so that it takes the command line of echo_server");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return bench::run_thread_server("thread_echo_server", std::get<examples::server_options>(parsed),
                                  bench::echo);
}
