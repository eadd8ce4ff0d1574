// SPDX-License-Identifier: MIT
// A rival of the workload `http`: Boost.Beast on Boost.Asio with C++20 coroutines, on bench/echo/asio_server.hpp.
// Fair: the parser and the messages are those that coir's server uses, on the streams that Beast is made for. Floor 7.
#include "bench/echo/asio_server.hpp"
#include "bench/http/beast_page.hpp"
#include "examples/options.hpp"

#include <cstdio>
#include <exception>

namespace {

using namespace bench::on_asio;

awaitable<> serve_pages(stream connection) {
  boost::beast::flat_buffer received;
  for (;;) {
    bench::request asked;
    const auto [read_error, read] =
        co_await bench::http::async_read(connection, received, asked, results);
    if (read_error) co_return;
    bench::response answer = bench::answer_to(asked);
    const auto [write_error, written] =
        co_await bench::http::async_write(connection, answer, results);
    if (write_error || !answer.keep_alive()) co_return;
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Serves a page over HTTP/1.1: Boost.Beast on Boost.Asio with coroutines.");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  try {
    serve(std::get<examples::server_options>(parsed), serve_pages, [](const auto&) {});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_asio: %s\n", error.what());
    return 1;
  }
  return 0;
}
