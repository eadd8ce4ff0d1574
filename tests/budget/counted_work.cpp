// SPDX-License-Identifier: MIT
// counted_work OPERATION COUNT: does one operation COUNT times, for a tool that counts instructions. Floor 7.
//
// Two counts give two numbers of instructions, and their difference is that of the operation alone. So the operation
// must take the same way each time: one worker, no monitor, nobody else in the process.
#include "fiber/context/context.hpp"
#include "fiber/coro/spawn.hpp"
#include "fiber/mutex.hpp"
#include "fiber/thread.hpp"
#include "io/tcp_listener.hpp"
#include "io/tcp_stream.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace {

void require(bool is_right, const char* what) {
  if (is_right) return;
  std::fprintf(stderr, "counted_work: %s\n", what);
  std::exit(1);
}

void return_at_once(coir::transfer arrived) {
  for (;;) {
    const auto count = reinterpret_cast<std::uintptr_t>(arrived.argument) + 1;
    arrived = coir::coir_jump_context(arrived.from, reinterpret_cast<void*>(count));
  }
}

/// A pair of switches between two stacks, with no scheduler.
void switch_contexts(std::uint64_t count) {
  std::vector<std::byte> stack(64 << 10);
  coir::transfer arrived{
      coir::coir_make_context(stack.data() + stack.size(), stack.size(), return_at_once), nullptr};
  for (std::uint64_t i = 0; i < count; ++i)
    arrived = coir::coir_jump_context(arrived.from, arrived.argument);
  require(reinterpret_cast<std::uintptr_t>(arrived.argument) == count, "a switch was lost");
}

/// A yield of each of ten fibers.
void yield(std::uint64_t count) {
  std::uint64_t done = 0;
  std::vector<coir::fiber<void>> fibers;
  for (int i = 0; i < 10; ++i) {
    fibers.push_back(coir::spawn([&] {
      for (std::uint64_t turn = 0; turn < count; ++turn, ++done) coir::this_fiber::yield();
    }));
  }
  for (auto& fiber : fibers) fiber.join();
  require(done == 10 * count, "a yield was lost");
}

void spawn_and_join(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += coir::spawn([i] { return i; }).join();
  require(sum == count * (count - 1) / 2, "a fiber was lost");
}

coir::task<std::uint64_t> give(std::uint64_t value) { co_return value; }

coir::task<std::uint64_t> spawn_and_join_tasks(std::uint64_t count) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < count; ++i) sum += co_await coir::spawn(give(i));
  co_return sum;
}
void spawn_and_await(std::uint64_t count) {
  require(coir::await(spawn_and_join_tasks(count)) == count * (count - 1) / 2, "a task was lost");
}

void lock_and_unlock(std::uint64_t count) {
  coir::mutex mutex;
  std::uint64_t locks = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::lock_guard held(mutex);
    // Else the loop could be taken out of the lock.
    asm volatile("" : "+r"(locks));
    ++locks;
  }
  require(locks == count, "a lock was lost");
}

void serve(coir::tcp_stream connection) {
  std::array<char, 128> buffer;
  for (;;) {
    connection.wait_readable();
    const std::size_t size = connection.read(buffer);
    if (size == 0) return;
    connection.write({buffer.data(), size});
  }
}

void ask(coir::tcp_stream connection, std::uint64_t count) {
  std::array<char, 64> request{};
  std::array<char, 128> answer{};
  for (std::uint64_t i = 0; i < count; ++i) {
    request.fill(static_cast<char>(i));
    connection.write(request);
    connection.wait_readable();
    require(connection.read(answer) == request.size() && answer.front() == request.front() &&
                answer[request.size() - 1] == request.back(),
            "an answer is wrong");
  }
}

/// Requests of 64 bytes and their answers over loopback, one on each of fifty connections: what the servers do for it,
/// and the clients, which do the same.
void echo(std::uint64_t count) {
  auto listener = coir::tcp_listener::listen(coir::endpoint::loopback(0));
  std::vector<coir::fiber<void>> fibers;
  for (int i = 0; i < 50; ++i) {
    auto client = coir::tcp_stream::connect(listener.local_endpoint());
    fibers.push_back(coir::spawn(serve, listener.accept()));
    fibers.push_back(coir::spawn(ask, std::move(client), count));
  }
  for (auto& fiber : fibers) fiber.join();
}

struct operation {
  std::string_view name;
  void (*repeat)(std::uint64_t count);
};
constexpr operation operations[] = {
    {"switch_pair", switch_contexts}, {"ten_yields", yield},      {"spawn_join", spawn_and_join},
    {"spawn_await", spawn_and_await}, {"mutex", lock_and_unlock}, {"fifty_echoes", echo},
};

} // namespace

int main(int argc, char** argv) {
  if (argc == 3) {
    for (const operation& each : operations) {
      if (each.name != argv[1]) continue;
      coir::run({.workers = 1, .monitor = false},
                [&] { each.repeat(std::strtoull(argv[2], nullptr, 10)); });
      return 0;
    }
  }
  std::fprintf(stderr, "usage: counted_work OPERATION COUNT, where OPERATION is one of:");
  for (const operation& each : operations) std::fprintf(stderr, " %s", each.name.data());
  std::fprintf(stderr, "\n");
  return 2;
}
