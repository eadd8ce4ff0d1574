// SPDX-License-Identifier: MIT
// The workload `stalls` with coir: one fiber per connection and per stall. Floor 7.
#include "bench/stalls/stall.hpp"

#include <fiber/runtime.hpp>
#include <fiber/scope.hpp>
#include <fiber/this_fiber.hpp>
#include <io/signal_set.hpp>
#include <io/tcp_listener.hpp>

#include <exception>

namespace {

void echo(coir::tcp_stream connection) {
  try {
    coir::scratch_buffer received;
    while (connection.read(received) > 0) connection.write(received.bytes());
  } catch (const std::exception&) {
    // The peer has gone, or the server stops.
  }
}

void accept_all(coir::tcp_listener& listener, coir::scope& connections) {
  for (;;) {
    std::error_code error;
    coir::tcp_stream connection = listener.accept(error);
    if (error == std::errc::bad_file_descriptor || error == std::errc::operation_canceled) return;
    if (!error) connections.spawn(echo, std::move(connection));
  }
}

void stall(const bench::stall_plan& plan, unsigned index) {
  try {
    for (auto due = plan.first_due(index);; due += bench::stall_period) {
      coir::this_fiber::sleep_until(due);
      plan.compute();
    }
  } catch (const std::system_error&) {
    // The server stops.
  }
}

void serve(const bench::stall_options& options) {
  coir::signal_set stop_signals{SIGINT, SIGTERM}; // before other threads exist
  coir::run({.workers = options.server.workers}, [&] {
    auto listener = coir::tcp_listener::listen({options.server.address, options.server.port});
    std::printf("listening on %s\n", listener.local_endpoint().to_string().c_str());
    std::fflush(stdout);
    const bench::stall_plan plan(options.stalls, options.steps);
    coir::scope connections;
    connections.spawn([&] { accept_all(listener, connections); });
    for (unsigned i = 0; i < plan.count(); ++i) {
      connections.spawn([&plan, i] { stall(plan, i); });
    }
    stop_signals.wait();
    listener.close();
    connections.request_stop();
    connections.join();
  });
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = bench::parse_stall_options(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  try {
    serve(std::get<bench::stall_options>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "stalls_coir: %s\n", error.what());
    return 1;
  }
  return 0;
}
