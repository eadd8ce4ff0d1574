# SPDX-License-Identifier: MIT
"""A server without free descriptors stays up, costs no CPU time, and serves again when they return."""

import time
import unittest

from example_server import GET, PATIENCE_SECONDS, SERVERS, Server, receive

DESCRIPTORS = 40
CONNECTIONS = 100
WATCHED_SECONDS = 1


class Shortage(unittest.TestCase):
    def serves(self, name, connection):
        request = GET if name == "http_server" else b"ping"
        connection.sendall(request)
        return bool(receive(connection, 4))

    def check(self, name):
        with Server(name, "--workers", "2", descriptor_limit=DESCRIPTORS) as server:
            connections = [server.connect() for _ in range(CONNECTIONS)]  # most wait in the backlog
            self.assertTrue(self.serves(name, connections[0]))
            cpu_before = server.cpu_seconds()
            time.sleep(WATCHED_SECONDS)  # sleep: that it does nothing meanwhile is the subject
            self.assertLess(server.cpu_seconds() - cpu_before, 0.2 * WATCHED_SECONDS)
            self.assertIsNone(server.process.poll())
            self.assertTrue(self.serves(name, connections[0]))  # who is in is served
            for connection in connections[:-1]:
                connection.close()
            last = connections[-1]
            begin = time.monotonic()
            self.assertTrue(self.serves(name, last))
            self.assertLess(time.monotonic() - begin, PATIENCE_SECONDS / 4)
            with server.connect() as later:
                self.assertTrue(self.serves(name, later))
            last.close()
            status, _, output, errors = server.stop()
            self.assertEqual((status, output), (0, ""))
            # Told, but not at every try. (UBSan adds complaints of its own: it inspects memory through a pipe.)
            self.assertIn(errors.count("accept"), range(1, 4), errors)

    def test_all(self):
        for name in SERVERS:
            with self.subTest(server=name):
                self.check(name)


if __name__ == "__main__":
    unittest.main()
