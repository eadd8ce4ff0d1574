// SPDX-License-Identifier: MIT
// The README's first program. It listens on a fixed port until it is killed; echo_server is the one with options.
#include <fiber/thread.hpp>
#include <io/tcp_listener.hpp>

void echo(coir::tcp_stream peer) {
  char bytes[4096];
  std::error_code error; // a connection that breaks ends alone; an exception would end its siblings
  while (const std::size_t count = peer.read(bytes, error)) peer.write({bytes, count}, error);
}

int main() {
  return coir::run([] {
    auto listener = coir::tcp_listener::listen(coir::endpoint::loopback(8080));
    coir::scope connections; // its children end before it does
    for (;;) connections.spawn(echo, listener.accept());
    return 0;
  });
}
