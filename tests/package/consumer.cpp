// SPDX-License-Identifier: MIT
// What a user of the package writes first: fibers, a mutex, and an echo over loopback TCP. Floor 7. Ends with 0 if all
// of it came back.
#include <fiber/mutex.hpp>
#include <fiber/thread.hpp>
#include <io/tcp_listener.hpp>

#include <mutex>
#include <string>

namespace {

std::string echo_of(const std::string& text) {
  auto listener = coir::tcp_listener::listen(coir::endpoint::loopback(0));
  auto server = coir::spawn([&listener] {
    auto peer = listener.accept();
    char part[64];
    while (const std::size_t count = peer.read(part)) peer.write({part, count});
  });
  auto stream = coir::tcp_stream::connect(listener.local_endpoint());
  stream.write(text);
  stream.shutdown_send();
  std::string answer;
  char part[64];
  while (const std::size_t count = stream.read(part)) answer.append(part, count);
  server.join();
  return answer;
}

int sum_of_fibers() {
  coir::mutex guard;
  int sum = 0;
  coir::scope adders;
  for (int i = 0; i < 100; ++i) {
    adders.spawn([&guard, &sum] {
      const std::scoped_lock held(guard);
      ++sum;
    });
  }
  adders.join();
  return sum;
}

} // namespace

int main() {
  return coir::run([] { return echo_of("hello") == "hello" && sum_of_fibers() == 100 ? 0 : 1; });
}
