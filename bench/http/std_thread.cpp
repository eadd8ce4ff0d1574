// SPDX-License-Identifier: MIT
// The workload `http` with one std::thread per connection: Boost.Beast on a blocking socket of Boost.Asio. Floor 7.
// Fair: the parser and the messages are those that coir's server uses; --workers is ignored, the kernel schedules.
#include "bench/echo/plain_listener.hpp"
#include "bench/http/beast_page.hpp"
#include "examples/options.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <signal.h>

#include <cstdlib>
#include <thread>

namespace {

using tcp = boost::asio::ip::tcp;

void serve_pages(int fd) {
  boost::asio::io_context unused; // a blocking socket never waits there
  tcp::socket connection(unused, tcp::v4(), fd);
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

void accept_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread(serve_pages, fd).detach();
  }
}

} // namespace

int main(int argc, char** argv) {
  const auto parsed = examples::parse_server_options(
      argc, argv, "Serves a page over HTTP/1.1 with one thread per connection.");
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  try {
    const int listener = bench::open_plain_listener(std::get<examples::server_options>(parsed), 0);
    std::thread(accept_all, listener).detach();
    int signal_number = 0;
    sigwait(&stop_signals, &signal_number);
    std::_Exit(0); // threads that wait for a request do not end by themselves
  } catch (const std::exception& error) {
    std::fprintf(stderr, "http_std_thread: %s\n", error.what());
    return 1;
  }
}
