#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares echo servers in slices of a tenth of a second, for differences of a percent on a machine that is shared.

All servers and a load for each are alive, but only one load runs at a time: the others are stopped (SIGSTOP). In each
round every server has one slice, in random order, so a change of the CPU's speed, which lasts for seconds, meets all of
them. Printed is the ratio to the first server within a round: the median, and the mean without the outer tenths with
its standard error. Servers start anew a few times, since where their memory lies makes a difference, too.

Requests are counted by the TCP segments that this machine sends, two each, so nothing else may send meanwhile. Where an
answer takes longer than a delayed acknowledgement, as over 10,000 connections, there are more: the ratios hold, the
absolute figures do not.
"""

import argparse
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from network import ECHO as PROGRAMS, SPARE_DESCRIPTORS, find_echo_programs  # noqa: E402
from server_process import BenchError, Server, cpu_sets, raise_descriptor_limit  # noqa: E402
from table import format_table, number  # noqa: E402

CONNECTIONS_PER_SECOND = 5000  # that echo_load opens at least
FOREVER_SECONDS = 3600


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory (%(default)s)")
    parser.add_argument("--servers", default="raw_epoll,coir,coir_coro,asio",
                        help=f"any of {', '.join(PROGRAMS)}, or NAME=PROGRAM (%(default)s)")
    parser.add_argument("--connections", type=int, default=100, help="(%(default)s)")
    parser.add_argument("--rounds", type=int, default=30, help="slices of a server between two starts (%(default)s)")
    parser.add_argument("--starts", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--slice", type=float, default=0.1, help="seconds that are measured (%(default)s)")
    parser.add_argument("--lead", type=float, default=0.05, help="seconds of load before them (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="given to each server (%(default)s)")
    return parser.parse_args()


def segments_sent():
    with open("/proc/net/snmp", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("Tcp:"))
    return int(values[names.index("OutSegs")])


class Pair:
    """A server and its load, which is stopped."""

    def __init__(self, program, load, arguments):
        server_cpus, load_cpus = cpu_sets()
        self.server = Server([program, "--port", "0", "--workers", str(arguments.workers)], server_cpus)
        command = [load, "--port", str(self.server.port), "--connections", str(arguments.connections)]
        command += ["--warmup", "0", "--seconds", str(FOREVER_SECONDS)]
        self._load = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, load_cpus))
        time.sleep(0.5 + arguments.connections / CONNECTIONS_PER_SECOND)
        self._load.send_signal(signal.SIGSTOP)

    def run(self, arguments):
        """CPU microseconds per request in one slice."""
        self._load.send_signal(signal.SIGCONT)
        time.sleep(arguments.lead)
        segments, used = segments_sent(), self.server.cpu_seconds()
        time.sleep(arguments.slice)
        segments, used = segments_sent() - segments, self.server.cpu_seconds() - used
        self._load.send_signal(signal.SIGSTOP)
        if self._load.poll() is not None or segments == 0:
            raise BenchError(f"{self.server.name}: its load has ended with status {self._load.returncode}")
        return used * 1e6 / (segments / 2)

    def end(self):
        self._load.kill()
        self._load.wait()
        self.server.kill()


def run_all(servers, load, arguments):
    """Per round, by name: microseconds."""
    rounds = []
    for start in range(arguments.starts):
        print(f"start {start + 1} of {arguments.starts}", file=sys.stderr, flush=True)
        pairs = {}
        try:
            for name, program in servers.items():
                pairs[name] = Pair(program, load, arguments)
            for _ in range(arguments.rounds):
                order = random.sample(list(pairs), len(pairs))
                rounds.append({name: pairs[name].run(arguments) for name in order})
        finally:
            for pair in pairs.values():
                pair.end()
    return rounds


def trimmed(ratios):
    """The geometric mean without the outer tenths, and its standard error."""
    logs = sorted(math.log(ratio) for ratio in ratios)
    kept = logs[len(logs) // 10:len(logs) - len(logs) // 10]
    error = statistics.stdev(kept) / math.sqrt(len(kept)) if len(kept) > 1 else 0
    return math.exp(statistics.mean(kept)), error


def main():
    arguments = parse_arguments()
    try:
        servers, load = find_echo_programs(arguments.servers, arguments.build)
        if raise_descriptor_limit(arguments.connections + SPARE_DESCRIPTORS) < arguments.connections:
            raise BenchError("too few descriptors (ulimit -Hn)")
        rounds = run_all(servers, load, arguments)
    except BenchError as error:
        print(f"echo/slices.py: {error}", file=sys.stderr)
        return 1
    first = next(iter(servers))
    rows = []
    for name in servers:
        ratios = [one[name] / one[first] for one in rounds]
        mean, error = trimmed(ratios)
        rows.append([name, number(statistics.median(one[name] for one in rounds)),
                     f"{statistics.median(ratios):.3f}", f"{mean:.3f} +-{error:.3f}"])
    print(format_table(["server", "CPU us/request", f"ratio to {first}, median", "trimmed mean"], rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
