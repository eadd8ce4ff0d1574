// SPDX-License-Identifier: MIT
#include "bench/echo/load_options.hpp"

#include "examples/options.hpp"

#include <cstdio>

namespace bench {
namespace {

constexpr std::uint32_t most_connections = 1'000'000;
constexpr std::uint32_t most_message_bytes = 1 << 20;
constexpr std::uint32_t most_pipeline = 1024;
constexpr double most_seconds = 3600;
constexpr double most_rate = 1e7;

constexpr const char* help =
    "echo_load: loads an echo server over many connections and compares every byte that comes "
    "back.\n"
    "Each connection has the same number of requests in flight at all times, unless there is "
    "--rate.\n\n"
    "  --address A         of the server, numeric (default 127.0.0.1)\n"
    "  --port P            of the server, 1 to 65535; must be given\n"
    "  --connections C     1 to 1000000 (default 1)\n"
    "  --message-bytes M   bytes of a request, 1 to 1048576 (default 64)\n"
    "  --pipeline D        requests in flight on each connection, 1 to 1024 (default 1)\n"
    "  --warmup S          seconds of load before the measured window, 0 to 3600 (default 1)\n"
    "  --seconds S         length of the measured window, 0.01 to 3600 (default 5)\n"
    "  --requests N        end the window after N answers if they come sooner\n"
    "  --rate R            send R requests per second, however late the answers are: latencies\n"
    "                      count from when a request was due\n"
    "  --churn             close a connection after one message and open the next\n"
    "  --idle              one message on each connection, then silence for --seconds\n"
    "  --server-pid P      report the CPU time and the memory of this process too\n"
    "  --json              print one line of JSON\n"
    "  --help              print this and exit\n\n"
    "Exit status: 0 all answers were right, 1 there were errors, 2 it could not begin.\n";

void read_option(examples::option_reader& options, load_options& parsed) {
  using seconds = std::chrono::duration<double>;
  if (options.is("--address")) {
    parsed.address = options.text("a numeric address");
  } else if (options.is("--port")) {
    parsed.port = static_cast<std::uint16_t>(options.number(1, 65535));
  } else if (options.is("--connections")) {
    parsed.connections = static_cast<std::uint32_t>(options.number(1, most_connections));
  } else if (options.is("--message-bytes")) {
    parsed.message_bytes = static_cast<std::uint32_t>(options.number(1, most_message_bytes));
  } else if (options.is("--pipeline")) {
    parsed.pipeline = static_cast<std::uint32_t>(options.number(1, most_pipeline));
  } else if (options.is("--warmup")) {
    parsed.warmup = seconds(options.decimal(0, most_seconds));
  } else if (options.is("--seconds")) {
    parsed.seconds = seconds(options.decimal(0.01, most_seconds));
  } else if (options.is("--requests")) {
    parsed.requests = options.number(1, UINT64_MAX);
  } else if (options.is("--server-pid")) {
    parsed.server = static_cast<pid_t>(options.number(1, INT32_MAX));
  } else if (options.is("--rate")) {
    parsed.rate = options.decimal(1, most_rate);
  } else if (options.is("--churn")) {
    options.flag();
    parsed.is_churn = true;
  } else if (options.is("--idle")) {
    options.flag();
    parsed.is_idle = true;
  } else if (options.is("--json")) {
    options.flag();
    parsed.as_json = true;
  } else {
    options.reject();
  }
}

} // namespace

std::variant<load_options, int> parse_load_options(int argc, const char* const* argv) {
  load_options parsed;
  examples::option_reader options(argc, argv);
  try {
    while (options.next()) {
      if (options.is("--help")) {
        options.flag();
        std::fputs(help, stdout);
        return 0;
      }
      read_option(options, parsed);
    }
    if (parsed.port == 0) throw examples::option_error("--port must be given (1 to 65535)");
    const int modes = (parsed.rate > 0) + parsed.is_churn + parsed.is_idle + (parsed.pipeline > 1);
    if (modes > 1) {
      throw examples::option_error(
          "--rate, --churn, --idle and --pipeline of more than 1 exclude each other");
    }
  } catch (const examples::option_error& error) {
    std::fprintf(stderr, "echo_load: %s\n", error.what());
    return 2;
  }
  return parsed;
}

} // namespace bench
