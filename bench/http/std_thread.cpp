// SPDX-License-Identifier: MIT
// The workload `http` with one std::thread per connection: Boost.Beast on a blocking socket of Boost.Asio. Floor 7.
// Fair: the parser and the messages are those that coir's server uses; --workers is ignored, the kernel schedules.
#include "bench/echo/thread_server.hpp"
#include "bench/http/beast_page.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <exception>

namespace {

using tcp = boost::asio::ip::tcp;

void serve_requests(tcp::socket& connection) {
  boost::beast::flat_buffer received;
  boost::beast::error_code error;
  for (bool goes_on = true; goes_on;) {
    bench::request asked;
    bench::http::read(connection, received, asked, error);
    if (error) return;
    bench::response answer = bench::answer_to(asked);
    bench::http::write(connection, answer, error);
    goes_on = !error && answer.keep_alive();
  }
}

void serve_pages(int fd) noexcept {
  try {
    boost::asio::io_context unused; // a blocking socket never waits there
    tcp::socket connection(unused, tcp::v4(), fd);
    serve_requests(connection);
    connection.release(); // the server closes it
  } catch (const std::exception&) {
    // No memory for this request: the connection ends.
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Serves a page over HTTP/1.1 with one thread per connection.");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return bench::run_thread_server("http_std_thread", std::get<examples::server_options>(parsed),
                                  serve_pages);
}
