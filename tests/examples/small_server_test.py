# SPDX-License-Identifier: MIT
"""The README's first program: it echoes, and a connection that breaks ends alone."""

import contextlib
import socket
import subprocess
import time
import unittest

from example_server import EXAMPLES, PATIENCE_SECONDS, receive, reset

ADDRESS = ("127.0.0.1", 8080)


def is_port_free():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(ADDRESS)
        except OSError:
            return False
    return True


@contextlib.contextmanager
def running_server():
    process = subprocess.Popen([EXAMPLES / "small_server"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def connect(process):
    """It does not say when it is ready."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return socket.create_connection(ADDRESS, timeout=PATIENCE_SECONDS)
        except ConnectionRefusedError:
            assert process.poll() is None and time.monotonic() < deadline


@unittest.skipUnless(is_port_free(), "somebody else uses port 8080")
class SmallServer(unittest.TestCase):
    def assert_echoes(self, connection, text):
        connection.sendall(text)
        self.assertEqual(receive(connection, len(text)), text)

    def test_echo(self):
        with running_server() as process, connect(process) as first, connect(process) as second:
            self.assert_echoes(first, b"hello")
            self.assert_echoes(second, b"x" * 100_000)
            self.assert_echoes(first, b"again")

    def test_a_broken_connection_ends_alone(self):
        with running_server() as process, connect(process) as other:
            for _ in range(10):
                broken = connect(process)
                self.assert_echoes(broken, b"hello")
                reset(broken)
            self.assert_echoes(other, b"still here")
            with connect(process) as later:
                self.assert_echoes(later, b"and served")


if __name__ == "__main__":
    unittest.main()
