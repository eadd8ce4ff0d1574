// SPDX-License-Identifier: MIT
// A rival of the echo benchmark: Boost.Asio with C++20 coroutines. asio_server.hpp says why it is fair. Floor 7.
#include "bench/echo/asio_echo.hpp"
#include "examples/options.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  const auto parsed =
      examples::parse_server_options(argc, argv,
                                     "sends back what it receives: Boost.Asio with coroutines.\n"
                                     "Without --workers it has one thread");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  try {
    bench::on_asio::serve(std::get<examples::server_options>(parsed), bench::on_asio::echo,
                          [](const auto&) {});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "echo_asio: %s\n", error.what());
    return 1;
  }
  return 0;
}
