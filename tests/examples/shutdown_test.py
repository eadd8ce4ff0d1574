# SPDX-License-Identifier: MIT
"""SIGINT and SIGTERM end a server cleanly and soon, whatever its 1,000 connections do."""

import signal
import threading
import unittest

from example_server import GET, IS_SANITIZED, SERVERS, Crowd, Server, raise_descriptor_limit

BUSY_CONNECTIONS = 200 if IS_SANITIZED else 1000
LIMIT_SECONDS = 20 if IS_SANITIZED else 5


class Shutdown(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise_descriptor_limit()

    def stop_while_busy(self, name, number):
        request = GET if name == "http_server" else b"x" * 100
        with Server(name) as server, Crowd(server, BUSY_CONNECTIONS, request) as crowd:
            crowd.be_busy(lambda: crowd.answers > 2 * BUSY_CONNECTIONS)
            stopped = []
            stopper = threading.Thread(target=lambda: stopped.extend(server.stop(number)))
            stopper.start()
            crowd.be_busy(lambda: False)  # until the server has ended every connection
            stopper.join()
            status, seconds, output, errors = stopped
            self.assertEqual((status, output, errors), (0, "", ""))
            self.assertLess(seconds, LIMIT_SECONDS)

    def test_busy(self):
        for name in SERVERS:
            for number in (signal.SIGINT, signal.SIGTERM):
                with self.subTest(server=name, signal=number):
                    self.stop_while_busy(name, number)

    def test_idle(self):
        for name in SERVERS:
            with self.subTest(server=name), Server(name) as server:
                idle = [server.connect() for _ in range(100)]
                status, seconds, _, errors = server.stop()
                self.assertEqual((status, errors), (0, ""))
                self.assertLess(seconds, LIMIT_SECONDS)
                for connection in idle:
                    connection.close()

    def test_told_twice(self):
        for name in SERVERS:
            with self.subTest(server=name), Server(name) as server:
                server.process.send_signal(signal.SIGTERM)
                server.process.send_signal(signal.SIGINT)
                status, _, _, errors = server.stop()
                self.assertEqual((status, errors), (0, ""))

    def test_the_port_is_free_afterwards(self):
        for name in SERVERS:
            with self.subTest(server=name), Server(name) as server:
                connection = server.connect()
                self.assertEqual(server.stop()[0], 0)
                connection.close()
                with Server(name, "--port", str(server.address[1])) as second:
                    self.assertEqual(second.address, server.address)


if __name__ == "__main__":
    unittest.main()
