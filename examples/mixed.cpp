// SPDX-License-Identifier: MIT
// Fibers and coroutines on the same scheduler: they share a mutex and a connection, and wait for each other.
#include <fiber/coro/spawn.hpp>
#include <fiber/mutex.hpp>
#include <fiber/thread.hpp>
#include <io/tcp_listener.hpp>

#include <cstdio>
#include <mutex>
#include <string>

namespace {

constexpr int lines_each = 1000;

/// What both write to, a line at a time.
struct shared_line {
  coir::tcp_stream stream;
  coir::mutex mutex{};
};

void write_in_fiber(shared_line& line) {
  for (int i = 0; i < lines_each; ++i) {
    const std::lock_guard held(line.mutex); // suspends the fiber if a coroutine holds it
    line.stream.write("fi");
    line.stream.write("ber\n");
  }
}

coir::task<> write_in_coroutine(shared_line& line) {
  for (int i = 0; i < lines_each; ++i) {
    co_await line.mutex.async_lock(); // suspends the coroutine if a fiber holds it
    const std::lock_guard held(line.mutex, std::adopt_lock);
    co_await line.stream.async_write("corou");
    co_await line.stream.async_write("tine\n");
  }
}

/// Until the end of the stream; the number of lines that are whole, or -1.
coir::task<int> count_lines(coir::tcp_stream stream) {
  std::string text;
  char part[4096];
  while (const std::size_t count = co_await stream.async_read(part)) text.append(part, count);
  int lines = 0;
  for (std::size_t begin = 0; begin < text.size(); ++lines) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (line != "fiber" && line != "coroutine") co_return -1;
    begin = end + 1;
  }
  co_return lines;
}

} // namespace

int main() {
  return coir::run([] {
    auto listener = coir::tcp_listener::listen(coir::endpoint::loopback(0));
    shared_line line{coir::tcp_stream::connect(listener.local_endpoint())};
    auto reader = coir::spawn(count_lines(listener.accept())); // a coroutine, with a fiber's handle

    coir::scope writers;
    writers.spawn(write_in_fiber, std::ref(line));
    writers.spawn(write_in_coroutine(line));
    writers.join();
    line.stream.shutdown_send();

    const int lines = reader.join(); // a fiber waits for a coroutine
    std::printf("%d of %d lines are whole\n", lines, 2 * lines_each);
    return lines == 2 * lines_each ? 0 : 1;
  });
}
