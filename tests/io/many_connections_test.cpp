// SPDX-License-Identifier: MIT
// 10,000 connections at once to a process with 2 workers, each end a fiber: every byte is compared, none is lost.
#include "tests/io/loopback.hpp"
#include "tests/support/seed.hpp"

#include <fiber/latch.hpp>
#include <fiber/semaphore.hpp>
#include <io/signal_set.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <random>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace coir::test;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t wanted_connections = 1'000; // its limit of fibers is about 8,000, and each costs much
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::size_t wanted_connections = 2'000;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
constexpr std::size_t wanted_connections = 1'000;
#else
constexpr std::size_t wanted_connections = 10'000;
#endif
#else
constexpr std::size_t wanted_connections = 10'000;
#endif

constexpr int messages_per_connection = 10;
constexpr std::size_t largest_message = 4'000;

/// As many as the hard limit of descriptors allows, which becomes the soft limit.
std::size_t usable_connections() {
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  constexpr std::size_t for_others = 100;
  return std::min<std::size_t>(wanted_connections, limit.rlim_cur - for_others);
}

void echo(tcp_stream stream) {
  char buffer[1024];
  while (const std::size_t count = stream.read(buffer)) stream.write({buffer, count});
}

void serve(tcp_listener& listener, coir::scope& connections) {
  for (std::error_code error;;) {
    auto stream = listener.accept(error);
    if (error) return;
    connections.spawn(echo, std::move(stream));
  }
}

/// Within a while: the clients are gone, but the last fibers may still be on their way out.
bool have_all_ended(coir::scope& connections) {
  try {
    const coir::deadline_scope limit(std::chrono::seconds(30));
    connections.join();
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

/// Serves in a child until it gets SIGTERM; exits with 0 if every connection has ended well by then.
class server_process {
public:
  explicit server_process(tcp_listener& listener) : child_(::fork()) {
    REQUIRE(child_ >= 0);
    if (child_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing is left if the test is killed
    std::signal(SIGTERM, SIG_DFL);
    ::_exit(run(listener) ? 0 : 1);
  }
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;
  ~server_process() {
    if (child_ > 0) stop();
  }

  int stop() {
    int status = -1;
    ::kill(child_, SIGTERM);
    ::waitpid(std::exchange(child_, -1), &status, 0);
    return status;
  }

private:
  static bool run(tcp_listener& listener) noexcept {
    coir::signal_set stop_signals{SIGTERM};
    return coir::run({.workers = 2}, [&] {
      coir::scope connections;
      auto acceptor = coir::spawn([&] { serve(listener, connections); });
      stop_signals.wait();
      listener.close();
      acceptor.join();
      return have_all_ended(connections);
    });
  }

  pid_t child_;
};

/// Talks over one connection; true if everything came back, in order and unchanged.
bool talk(tcp_stream& stream, std::uint32_t number, std::mt19937 random) {
  for (int i = 0; i < messages_per_connection; ++i) {
    const auto sent =
        pattern(1 + random() % largest_message, number * 1000 + static_cast<std::uint32_t>(i));
    stream.write(sent);
    const std::string received = read_exactly(stream, sent.size());
    if (received != std::string(reinterpret_cast<const char*>(sent.data()), sent.size()))
      return false;
  }
  stream.shutdown_send();
  char byte[1];
  return stream.read(byte) == 0;
}

} // namespace

TEST_CASE("many connections at once, none lost") {
  const std::size_t count = usable_connections();
  auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
  const auto where = listener.local_endpoint();
  server_process server(listener);
  std::atomic<std::size_t> right{0};
  coir::run({.workers = 2}, [&] {
    coir::latch all_connected(static_cast<std::ptrdiff_t>(count));
    coir::counting_semaphore<> connecting(1'000); // not more than the backlog holds
    coir::scope clients;
    for (std::uint32_t number = 0; number < count; ++number) {
      clients.spawn([&, number] {
        connecting.acquire();
        auto stream = tcp_stream::connect(where);
        connecting.release();
        all_connected.arrive_and_wait();
        right +=
            talk(stream, number, std::mt19937(static_cast<std::uint32_t>(seed()) + number)) ? 1 : 0;
      });
    }
    clients.join();
  });
  CHECK(count >= std::min<std::size_t>(wanted_connections, 1'000));
  CHECK(right == count);
  CHECK(server.stop() == 0);
}
