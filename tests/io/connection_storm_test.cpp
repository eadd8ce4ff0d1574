// SPDX-License-Identifier: MIT
// Connections opened, half-closed, reset, cut off and closed under each other's hands, on 8 workers, with a shuffled
// schedule and migration at every suspension. What comes back is always a part of what was sent.
#include "tests/io/loopback.hpp"
#include "tests/support/seed.hpp"

#include <atomic>
#include <filesystem>
#include <random>

using namespace coir::test;
using namespace std::chrono_literals;
using coir::tcp_listener;
using coir::tcp_stream;

namespace {

constexpr int clients = 48;
constexpr int connections_per_client = 50;

std::size_t open_descriptors() {
  const auto all = std::filesystem::directory_iterator("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void echo(tcp_stream stream) {
  std::byte buffer[2000];
  std::error_code error;
  while (!error) {
    const std::size_t count = stream.read(buffer, error);
    if (count == 0) return;
    stream.write({buffer, count}, error);
  }
}

void serve(tcp_listener& listener, coir::scope& connections) {
  for (std::error_code error;;) {
    auto stream = listener.accept(error);
    if (error) return;
    connections.spawn(echo, std::move(stream));
  }
}

/// How a connection ends.
enum class ending { cleanly, by_reset, by_close, by_stop, by_shutdown, by_time };
constexpr unsigned endings = 6;

class client {
public:
  client(const coir::endpoint& server, std::uint64_t seed) : server_(server), random_(seed) {}

  /// Counts connections whose answers were not what was sent.
  int run() {
    int wrong = 0;
    for (int i = 0; i < connections_per_client; ++i) wrong += talk() ? 0 : 1;
    return wrong;
  }

private:
  bool talk() {
    auto stream = tcp_stream::connect(server_);
    const auto how = static_cast<ending>(random_() % endings);
    const auto sent = pattern(1 + random_() % 100'000, static_cast<std::uint32_t>(random_()));
    std::string received;
    std::error_code why;
    auto reader = coir::spawn([&] { receive(stream, received, why); });
    auto writer = coir::spawn([&] { send(stream, sent); });
    const std::uint32_t patience = random_() % 20;
    for (std::uint32_t i = 0; i < patience; ++i) coir::this_fiber::yield();
    end(how, stream, reader, writer);
    writer.join();
    if (how == ending::cleanly) stream.shutdown_send();
    reader.join();
    const std::string wanted(reinterpret_cast<const char*>(sent.data()), sent.size());
    const bool is_part = wanted.compare(0, received.size(), received) == 0;
    return how == ending::cleanly ? !why && received == wanted : is_part;
  }

  static void receive(tcp_stream& stream, std::string& all, std::error_code& error) {
    char buffer[3000];
    while (const std::size_t count = stream.read(buffer, error)) all.append(buffer, count);
  }

  static void send(tcp_stream& stream, const std::vector<std::byte>& all) {
    std::error_code error;
    for (std::size_t at = 0; at < all.size() && !error; at += 7000) {
      stream.write({all.data() + at, std::min<std::size_t>(7000, all.size() - at)}, error);
    }
  }

  static void end(ending how, tcp_stream& stream, coir::fiber<>& reader, coir::fiber<>& writer) {
    std::error_code ignored;
    switch (how) {
    case ending::cleanly: break;
    case ending::by_reset:
      // Catch2 is not asked here: its assertions are for one thread at a time.
      static_cast<void>(set_reset_on_close(stream));
      [[fallthrough]];
    case ending::by_close: stream.close(); break;
    case ending::by_stop:
      reader.request_stop();
      writer.request_stop();
      break;
    case ending::by_shutdown: stream.shutdown(ignored); break;
    case ending::by_time:
      stream.wait_readable(ignored, 100us);
      stream.close();
      break;
    }
  }

  static bool set_reset_on_close(const tcp_stream& stream) {
    const linger at_once{1, 0};
    return ::setsockopt(stream.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) ==
           0;
  }

  coir::endpoint server_;
  std::mt19937_64 random_;
};

} // namespace

TEST_CASE("a storm of connections") {
  const std::size_t descriptors_before = open_descriptors();
  std::atomic<int> wrong{0};
  coir::run({.workers = 8, .shuffle_seed = seed(), .force_migration = true}, [&] {
    auto listener = tcp_listener::listen(coir::endpoint::loopback(0));
    coir::scope served;
    coir::scope acceptors;
    for (int i = 0; i < 3; ++i) acceptors.spawn([&] { serve(listener, served); });
    coir::scope all;
    for (int i = 0; i < clients; ++i) {
      all.spawn([&, i] {
        wrong += client(listener.local_endpoint(), seed() + static_cast<unsigned>(i)).run();
      });
    }
    all.join();
    listener.close();
    acceptors.join();
    served.join(); // every server fiber has seen the end of its connection
  });
  CHECK(wrong == 0);
  CHECK(open_descriptors() == descriptors_before);
}
