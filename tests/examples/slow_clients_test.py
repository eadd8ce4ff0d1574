# SPDX-License-Identifier: MIT
"""Peers that reset, do not read, or send a byte a second cost little and harm nobody else."""

import time
import unittest

from example_server import ECHO_SERVERS, IS_SANITIZED, Server, for_each_server, raise_descriptor_limit, receive, reset

SLOW_CONNECTIONS = 200 if IS_SANITIZED else 1000
TICKS = 3
WORST_ANSWER_SECONDS = 2.0  # mostly it is far below a millisecond, but the machine may be busy
BUFFER_BYTES = 16 * 1024
IDLE_BYTES = 6 * 1024
SLACK_BYTES = 4 * 1024 * 1024


class SlowClients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise_descriptor_limit()

    def assert_answers(self, connection, text=b"ping"):
        begin = time.monotonic()
        connection.sendall(text)
        self.assertEqual(receive(connection, len(text)), text)
        self.assertLess(time.monotonic() - begin, WORST_ANSWER_SECONDS)

    @for_each_server(ECHO_SERVERS)
    def test_resets(self, name):
        with Server(name, "--workers", "2") as server, server.connect() as other:
            for number in range(200):
                broken = server.connect()
                broken.sendall(b"x" * (1 + number * 500))
                if number % 2:
                    receive(broken, 1)
                reset(broken)
                self.assert_answers(other)
            self.assertEqual(server.stop()[::3], (0, ""))

    @for_each_server(ECHO_SERVERS)
    def test_peers_that_do_not_read(self, name):
        with Server(name, "--workers", "2") as server, server.connect() as other:
            self.assert_answers(other)
            before = server.memory_bytes()
            silent = [server.connect() for _ in range(20)]
            for connection in silent:
                connection.setblocking(False)
            # Until nothing more fits into the kernel's buffers, on the way there and back.
            still = 0
            while still < 3:
                sent = 0
                for connection in silent:
                    try:
                        sent += connection.send(b"x" * 65536)
                    except BlockingIOError:
                        pass
                self.assert_answers(other)
                still = still + 1 if sent == 0 else 0
            if not IS_SANITIZED:
                self.assertLess(server.memory_bytes() - before, len(silent) * (BUFFER_BYTES + IDLE_BYTES) + SLACK_BYTES)
            for connection in silent:
                connection.close()
            self.assert_answers(other)

    @for_each_server(ECHO_SERVERS)
    def test_a_byte_a_second(self, name):
        with Server(name, "--workers", "2") as server, server.connect() as other:
            self.assert_answers(other)
            before = server.memory_bytes()
            slow = [server.connect() for _ in range(SLOW_CONNECTIONS)]
            for _ in range(TICKS):
                next_tick = time.monotonic() + 1
                for connection in slow:
                    connection.sendall(b"x")
                while time.monotonic() < next_tick:
                    self.assert_answers(other)
                for connection in slow:
                    self.assertEqual(connection.recv(2), b"x")
            if not IS_SANITIZED:
                allowed = SLOW_CONNECTIONS * (BUFFER_BYTES + IDLE_BYTES) + SLACK_BYTES
                self.assertLess(server.memory_bytes() - before, allowed)
            for connection in slow:
                connection.close()
            self.assertEqual(server.stop()[::3], (0, ""))


if __name__ == "__main__":
    unittest.main()
