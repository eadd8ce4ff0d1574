// SPDX-License-Identifier: MIT
// What happens when the process has no descriptors left: errors that say so, no spinning, and recovery.
#include "tests/io/descriptor_shortage.hpp"
#include "tests/io/loopback.hpp"
#include "tests/support/virtual_poller.hpp"

#include <fiber/coro/spawn.hpp>
#include <io/signal_set.hpp>

#include <csignal>
#include <ctime>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

std::error_code error_of_accept(tcp_listener& listener, coir::deadline limit = {}) {
  return error_of([&](auto& error) { static_cast<void>(listener.accept(error, limit)); });
}

std::chrono::nanoseconds cpu_time() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

} // namespace

TEST_CASE("accept without descriptors fails, then slows down to 20 tries a second") {
  const int acceptors = GENERATE(1, 4);
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [&] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    const descriptor_shortage shortage;
    int tries = 0;
    coir::scope loops;
    for (int i = 0; i < acceptors; ++i) {
      loops.spawn([&] {
        const auto end = coir::clock::now() + 10s;
        for (; coir::clock::now() < end; ++tries) {
          if (error_of_accept(listener) != std::errc::too_many_files_open) return;
        }
      });
    }
    loops.join();
    CHECK(tries >= 200 * acceptors);
    CHECK(tries <= 410 * acceptors); // some find the pause taken by another fiber, and try once more
  });
}

TEST_CASE("accepting in a loop without descriptors costs next to no CPU time, and serves when they "
          "return") {
  coir::run({.workers = 2}, [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    {
      const descriptor_shortage shortage;
      const auto end = coir::clock::now() + 500ms;
      const auto cpu_before = cpu_time();
      int tries = 0;
      for (; coir::clock::now() < end; ++tries) {
        CHECK(error_of_accept(listener) == std::errc::too_many_files_open);
      }
      CHECK(tries <= 12);
      CHECK(cpu_time() - cpu_before < 100ms);
    }
    auto server = listener.accept(5s);
    client.write("x");
    CHECK(read_exactly(server, 1) == "x");
  });
}

TEST_CASE("the pause obeys limits, stop requests and close") {
  coir::run(only_one_worker(), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    const descriptor_shortage shortage;
    const auto be_short = [&] {
      while (error_of_accept(listener) != std::errc::too_many_files_open) {
      }
    };
    be_short();
    CHECK(error_of_accept(listener, 5ms) == std::errc::timed_out);
    be_short();
    auto stopped = coir::spawn([&] { return error_of_accept(listener); });
    coir::this_fiber::yield();
    stopped.request_stop();
    CHECK(stopped.join() == std::errc::operation_canceled);
    be_short();
    auto closed = coir::spawn([&] { return error_of_accept(listener); });
    coir::this_fiber::yield();
    listener.close();
    CHECK(closed.join() == std::errc::bad_file_descriptor);
  });
}

TEST_CASE("close ends the pause at once") {
  virtual_clock clock;
  coir::run(on_virtual_clock(clock, 1), [] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    auto client = tcp_stream::connect(listener.local_endpoint());
    const descriptor_shortage shortage;
    CHECK(error_of_accept(listener) == std::errc::too_many_files_open);
    const auto begin = coir::clock::now();
    auto paused = coir::spawn([&] { return error_of_accept(listener); });
    coir::this_fiber::yield();
    listener.close();
    CHECK(paused.join() == std::errc::bad_file_descriptor);
    CHECK(coir::clock::now() == begin);
  });
}

TEST_CASE("connect, listen and signal_set say that there are no descriptors") {
  coir::run(only_one_worker(), [] {
    const auto where = coir::endpoint::loopback(0);
    const descriptor_shortage shortage;
    CHECK(error_of([&](auto& error) { static_cast<void>(tcp_stream::connect(where, error)); }) ==
          std::errc::too_many_files_open);
    CHECK(error_of([&](auto& error) { static_cast<void>(tcp_listener::listen(where, error)); }) ==
          std::errc::too_many_files_open);
    CHECK_THROWS_AS(coir::signal_set{SIGUSR1}, std::system_error);
  });
}

TEST_CASE("without descriptors for the reactor the first wait fails, and a later one works") {
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  coir::run({.workers = 2}, [&] {
    {
      const descriptor_shortage shortage;
      CHECK(error_of_accept(listener) == std::errc::too_many_files_open);
    }
    auto acceptor = coir::spawn([&] { return listener.accept().is_open(); });
    auto client = tcp_stream::connect(listener.local_endpoint());
    CHECK(acceptor.join());
  });
}

TEST_CASE("who is accepted can be waited for, even if connections were there before the reactor") {
  const bool is_coroutine = GENERATE(false, true);
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  const auto client = tcp_stream::connect(listener.local_endpoint()); // a plain thread needs no reactor
  coir::run({.workers = 2}, [&] {
    tcp_stream accepted;
    if (is_coroutine) {
      accepted = coir::spawn([](tcp_listener& from) -> coir::task<tcp_stream> {
                   co_return co_await from.async_accept();
                 }(listener))
                     .join();
    } else {
      accepted = listener.accept();
    }
    const descriptor_shortage shortage;
    CHECK(error_of([&](auto& error) { accepted.wait_readable(error, 1ms); }) ==
          std::errc::timed_out);
  });
}
