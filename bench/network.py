# SPDX-License-Identifier: MIT
"""The cases with a server and a load: echo, churn, stalls and http; what a case is stands in cases.py.

A server has one half of the CPUs and the load the other. Each run starts its server anew, warms it up, and reads the
server's CPU clock at both ends of the measured window. An answer that is wrong fails the run.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from network_http import http_cases
from network_result import Figures, reason_not_built
from server_process import BenchError, Server, cpu_sets, most_threads, raise_descriptor_limit, run_load
from system_calls import calls_per_request

# Where the echo servers are in the build tree.
ECHO = {
    "coir": "examples/echo_server",
    "coir_coro": "examples/coro_echo_server",
    "coir_mixed": "examples/mixed_echo_server",
    "std_thread": "examples/thread_echo_server",
    "boost_fiber": "bench/echo/echo_boost_fiber",
    "asio": "bench/echo/echo_asio",
    "go": "bench/echo/echo_go",
    "tokio": "bench/echo/echo_tokio",
    "raw_epoll": "bench/echo/echo_raw_epoll",
    "raw_uring": "bench/echo/echo_raw_uring",
}
STALLS = {
    "coir": "bench/stalls/stalls_coir",
    "std_thread": "bench/stalls/stalls_std_thread",
    "asio": "bench/stalls/stalls_asio",
    "go": ECHO["go"],
    "tokio": ECHO["tokio"],
}
CPU = "cpu_us_per_request"
MEMORY = "memory_bytes_per_connection"
CALLS = "system_calls_per_request"
SPARE_DESCRIPTORS = 100
SPARE_THREADS = 500
# With stalls, requests per second on 100 connections: a tenth of what a worker can do, so that they do not wait for
# each other.
STALL_RATE = 10_000


def find_echo_programs(text, build):
    """Of servers as in "coir,asio,NAME=PROGRAM": name -> path; and the path of echo_load."""
    servers = {}
    for word in text.split(","):
        name, _, path = word.partition("=")
        if not path and name not in ECHO:
            raise BenchError(f"--servers: '{name}' is none of {', '.join(ECHO)}; give NAME=PROGRAM")
        servers[name] = Path(path) if path else build / ECHO[name]
    load = build / "bench/echo/echo_load"
    for program in [*servers.values(), load]:
        if not os.access(program, os.X_OK):
            raise BenchError(f"{program} is missing: build first, or give --build")
    return servers, load


@dataclass(frozen=True)
class Load:
    """What echo_load is told."""

    workload: str
    variant: str
    connections: int
    seconds: float
    warmup: float
    metrics: tuple
    more: tuple = ()


class EchoCase:
    """Echo servers under one load."""

    is_lower_better = True

    def __init__(self, build, load, workers, programs=None):
        self.workload = load.workload
        self.variant = load.variant
        self.workers = workers
        self.metrics = load.metrics
        self.primary = load.metrics[0]
        self.seconds = load.seconds + load.warmup + 0.3 + load.connections / 5000
        self._load = load
        self._echo_load = build / "bench/echo/echo_load"
        self._programs = {name: build / path for name, path in (programs or ECHO).items()}
        self._room = raise_descriptor_limit(load.connections + SPARE_DESCRIPTORS)
        self.systems = {name: self._reason_to_skip(name) for name in self._programs}

    def _reason_to_skip(self, name):
        missing = reason_not_built(self._programs[name]) or reason_not_built(self._echo_load)
        if missing:
            return missing
        if self._room < self._load.connections + SPARE_DESCRIPTORS:
            return f"only {self._room} descriptors (ulimit -Hn)"
        count, limit = most_threads()
        if name == "std_thread" and count < self._load.connections + SPARE_THREADS:
            return f"only {count} threads ({limit})"
        return None

    def _cpu_sets(self):
        return cpu_sets()

    def _options(self):
        """More words on the server's command line."""
        return []

    def _start(self, system):
        command = [self._programs[system], "--port", "0", "--workers", str(self.workers), *self._options()]
        return Server(command, self._cpu_sets()[0])

    def run(self, system):
        load = self._load
        with self._start(system) as server:
            found = run_load(self._echo_load, server, self._cpu_sets()[1], load.connections, seconds=load.seconds,
                             warmup=load.warmup, more=load.more)
            server.stop()
        if found["requests"] == 0:
            raise BenchError("not one answer came in the measured window")
        return self._figures(system, found)

    def _figures(self, system, found):
        figures = Figures(self.workload, system, self.workers, connections=self._load.connections,
                          message_bytes=found["message_bytes"], pipeline=found["pipeline"])
        memory = found["resident_bytes_per_connection"] + found["page_table_bytes_per_connection"]
        if "--idle" in self._load.more:
            return figures.list((MEMORY, "bytes", memory))
        wanted = [
            (CPU, "us", found["server_cpu_us_per_request"]), ("p50_us", "us", found["p50_us"]),
            ("p99_us", "us", found["p99_us"]), ("p999_us", "us", found["p999_us"]),
            ("requests_per_second", "1/s", found["requests_per_second"]),
            ("load_cpu_us_per_request", "us", found["load_cpu_us_per_request"]),
        ]
        if self.workload == "echo":
            wanted.append((MEMORY, "bytes", memory))
        return figures.list(*wanted)


class SyscallCase(EchoCase):
    """System calls per request. strace slows the server down, so nothing else is measured here."""

    REQUESTS = 10_000

    def _reason_to_skip(self, name):
        return super()._reason_to_skip(name) or (None if shutil.which("strace") else "no strace")

    def run(self, system):
        with self._start(system) as server:
            calls = calls_per_request(server, self._echo_load, self._cpu_sets()[1], self._load.connections,
                                      self.REQUESTS)
            server.stop()
        figures = Figures(self.workload, system, self.workers, connections=self._load.connections)
        return figures.list((CALLS, "calls", calls))


class StallCase(EchoCase):
    """Echo at a fixed rate while `stalls` computations of a millisecond come ten times a second each.

    Server and load share the CPUs: with two of them a server of two workers has none to spare.
    """

    def __init__(self, build, load, workers, stalls):
        self._stalls = stalls
        self._steps_program = build / "bench/stalls/stalls_stall_steps"
        self._steps = None
        super().__init__(build, load, workers, STALLS)

    def _reason_to_skip(self, name):
        if self.workers > len(os.sched_getaffinity(0)):
            return "too few CPUs"
        return super()._reason_to_skip(name) or reason_not_built(self._steps_program)

    def _cpu_sets(self):
        return sorted(os.sched_getaffinity(0))[-self.workers:], cpu_sets()[1]

    def _options(self):
        if self._steps is None:  # as many for all systems
            done = subprocess.run([self._steps_program], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise BenchError(f"{self._steps_program.name} ended with status {done.returncode}")
            self._steps = int(done.stdout)
        return ["--stalls", str(self._stalls), "--stall-steps", str(self._steps)]


def echo_loads(quick):
    seconds, warmup = (0.4, 0.2) if quick else (1.0, 0.3)
    for connections in (100, 1000) if quick else (1, 10, 100, 1000, 10_000):
        many = connections >= 10_000  # which come round a few times a second only
        yield Load("echo", f"{connections:,} connection" + ("s" if connections > 1 else ""), connections,
                   2.0 if many else seconds, 1.0 if many else warmup, (CPU, "p99_us"))
    yield Load("echo", "100 connections, 16 deep", 100, seconds, warmup, (CPU,), ("--pipeline", 16))
    yield Load("echo", "100 connections, 16 KiB", 100, seconds, warmup, (CPU,), ("--message-bytes", 16384))
    idle = 1000 if quick else 10_000
    yield Load("echo", f"{idle:,} idle connections", idle, 0.3, 0, (MEMORY,), ("--idle",))
    yield Load("churn", "100 at a time", 100, seconds, warmup, (CPU,), ("--churn",))


def cases(build, workers, quick):
    """All of them. Echo, churn and http have as many workers as there are CPUs for the server, up to `workers`."""
    for_server = min(workers, len(cpu_sets()[0]))
    found = [EchoCase(build, load, for_server) for load in echo_loads(quick)]
    if not quick:
        counted = Load("echo", "100 connections, counted by strace", 100, 1, 0, (CALLS,))
        found.append(SyscallCase(build, counted, for_server))
    found += http_cases(build, for_server, quick)
    with_stalls = max(2, workers)
    # A millisecond each, ten times a second: 1 % of a worker each.
    for share, stalls in ((2, 2 * with_stalls), (50, 50 * with_stalls)):
        load = Load("stalls", f"{share} % of the CPU time", 100, 1.0 if quick else 3.0, 0.5,
                    ("p999_us", "p99_us", "p50_us"), ("--rate", STALL_RATE))
        found.append(StallCase(build, load, with_stalls, stalls))
    return found
