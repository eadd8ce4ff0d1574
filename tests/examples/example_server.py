# SPDX-License-Identifier: MIT
"""An example server as a child process, and clients for it. All is bounded in time, ended by pid, and on loopback."""

import contextlib
import functools
import os
import re
import resource
import selectors
import signal
import socket
import subprocess
import time
from pathlib import Path

EXAMPLES = Path(os.environ["COIR_EXAMPLES"])
IS_SANITIZED = bool(os.environ.get("COIR_SANITIZED"))
PATIENCE_SECONDS = 60 if IS_SANITIZED else 20
# The same server three ways: fibers, coroutines, both in turns.
ECHO_SERVERS = ("echo_server", "coro_echo_server", "mixed_echo_server")
SERVERS = [name for name in (*ECHO_SERVERS, "http_server", "thread_echo_server") if (EXAMPLES / name).exists()]
GET = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n"


def raise_descriptor_limit():
    """To the hard limit, here and in what is started from here; returns it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def for_each_server(names):
    """Makes test(self, name) a test of all of them."""

    def decorate(test):
        @functools.wraps(test)
        def test_all(self):
            for name in names:
                with self.subTest(server=name):
                    test(self, name)

        return test_all

    return decorate


def run(name, *options):
    """A program's (status, output, error output)."""
    done = subprocess.run(
        [EXAMPLES / name, *options], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    return done.returncode, done.stdout, done.stderr


class Server:
    """with Server("echo_server", "--workers", "2") as server: … Killed at the end if it has not been stopped."""

    def __init__(self, name, *options, descriptor_limit=None):
        def limit():
            if descriptor_limit:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptor_limit, descriptor_limit))

        self.process = subprocess.Popen(
            [EXAMPLES / name, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=limit,
        )
        self.first_line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on (?:\[([0-9a-f:]+)\]|([0-9.]+)):([0-9]+)\n", self.first_line)
        if not found:
            self.process.kill()
            raise AssertionError(f"{name} says {self.first_line!r}, {self.process.communicate()[1]!r}")
        self.address = (found[1] or found[2], int(found[3]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def connect(self):
        return socket.create_connection(self.address, timeout=PATIENCE_SECONDS)

    def stop(self, number=signal.SIGTERM):
        """(exit status, seconds that it took, further output, error output)"""
        begin = time.monotonic()
        self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, time.monotonic() - begin, output, errors

    def cpu_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self):
        """Resident memory and page tables."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return sum(int(re.search(rf"{key}:\s+(\d+) kB", text)[1]) * 1024 for key in ("VmRSS", "VmPTE"))


def receive(connection, count):
    """Exactly so many bytes, or fewer if the stream ends."""
    received = b""
    while len(received) < count:
        part = connection.recv(count - len(received))
        if not part:
            break
        received += part
    return received


def receive_all(connection):
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(65536):
            received += part
    return received


def reset(connection):
    """Closes it so that the peer sees a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


class Crowd:
    """Many connections of one thread that each send a request again whenever something has come back."""

    def __init__(self, server, count, request):
        self.request = request
        self.selector = selectors.DefaultSelector()
        self.answers = 0
        self.connections = [server.connect() for _ in range(count)]
        for connection in self.connections:
            connection.settimeout(None)
            self.selector.register(connection, selectors.EVENT_READ)
            connection.sendall(request)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        for connection in self.connections:
            connection.close()

    def be_busy(self, is_done):
        """Until `is_done()`, or until all connections have ended."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.selector.get_map() and not is_done():
            assert time.monotonic() < deadline, f"{len(self.selector.get_map())} connections still wait"
            for key, _ in self.selector.select(timeout=0.1):
                try:
                    alive = key.fileobj.recv(65536)
                    if alive:
                        key.fileobj.sendall(self.request)
                        self.answers += 1
                except OSError:
                    alive = False
                if not alive:
                    self.selector.unregister(key.fileobj)
