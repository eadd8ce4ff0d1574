#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows coir at work in less than two minutes: a web server, and echo with a fiber against a thread per connection.

Every answer is checked; the exit status is 0 if all were right and every server ended cleanly, 1 if not, 2 if something
that is needed is missing. Servers and clients get one half of the CPUs each.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from server_process import BenchError, Server, cpu_sets, most_threads, raise_descriptor_limit, run_load
from table import duration, format_table, number, size
from wrk import run_wrk

CONNECTIONS = (100, 1000, 10_000)
SPARE_DESCRIPTORS = 100
SPARE_THREADS = 500
HTTP_SECONDS = 3
ECHO_SECONDS = 3
WARMUP_SECONDS = 1
PROGRAMS = {
    "http": "examples/http_server",
    "fiber": "examples/echo_server",
    "thread": "examples/thread_echo_server",
    "load": "bench/echo/echo_load",
}


def find_programs(build):
    programs = {name: build / path for name, path in PROGRAMS.items()}
    missing = [str(path) for path in programs.values() if not os.access(path, os.X_OK)]
    if missing:
        hint = "build first, or give --build"
        if str(programs["http"]) in missing:
            hint += "; http_server is built where Boost.Beast's headers are (Debian: libboost1.81-dev)"
        raise BenchError(f"{', '.join(missing)} missing: {hint}")
    tools = [tool for tool in ("curl", "wrk") if shutil.which(tool) is None]
    if tools:
        raise BenchError(f"{' and '.join(tools)} not found (Debian: apt-get install {' '.join(tools)})")
    return programs


def connections_that_fit():
    limit = raise_descriptor_limit(max(CONNECTIONS) + SPARE_DESCRIPTORS)
    room = limit - SPARE_DESCRIPTORS
    if room < CONNECTIONS[0]:
        raise BenchError(f"{limit} descriptors per process are too few: raise the hard limit (ulimit -Hn)")
    fitting = [count for count in CONNECTIONS if count <= room]
    if len(fitting) < len(CONNECTIONS):
        most = room // 100 * 100
        fitting = sorted({*fitting, most})
        print(f"The hard limit of descriptors is {limit} (ulimit -Hn): {most} connections at most, not "
              f"{CONNECTIONS[-1]}.\n")
    return fitting


class Progress:
    """One line per step: what is done, and when it is done what came out."""

    def __init__(self, steps):
        self._steps = steps
        self._step = 0

    def begin(self, what):
        self._step += 1
        print(f"[{self._step:2}/{self._steps}] {what} ... ", end="", flush=True)

    def end(self, outcome):
        print(outcome, flush=True)


def start(program, server_cpus):
    return Server([program, "--port", "0", "--workers", str(len(server_cpus))], server_cpus)


def show_page(server):
    url = f"http://127.0.0.1:{server.port}/"
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--include", "--fail", "--max-time", "10", "--noproxy", "*", url],
        capture_output=True, text=True, check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"curl: {done.stderr.strip()}")
    shown = "\n".join("       | " + line for line in done.stdout.rstrip().splitlines())
    return f"$ curl -i {url}\n{shown}"


def load_http(server, cpus, connections):
    """One run of wrk. CPU and memory are the server's, read around the run and in the second half of it."""
    memory_before, cpu_before = server.memory_bytes(), server.cpu_seconds()
    result = run_wrk(server.port, cpus, connections, seconds=HTTP_SECONDS, near_end=server.memory_bytes)
    memory = result.pop("near_end")
    result["cpu_us"] = (server.cpu_seconds() - cpu_before) * 1e6 / result["requests"]
    result["memory"] = (memory - memory_before) / connections
    return result


def load_echo(program, load, connections):
    server_cpus, load_cpus = cpu_sets()
    with start(program, server_cpus) as server:
        found = run_load(load, server, load_cpus, connections, seconds=ECHO_SECONDS, warmup=WARMUP_SECONDS)
        server.stop()
    return {
        **found,
        "cpu_us": found["server_cpu_us_per_request"],
        "memory": found["resident_bytes_per_connection"] + found["page_table_bytes_per_connection"],
    }


def row_of(workload, connections, result, twin=None):
    """A row of the table. `twin`: the same workload with threads."""
    ratio = ""
    if twin:
        ratio = f"{twin['cpu_us'] / result['cpu_us']:.1f} x CPU"
        if result["memory"] > 0:
            ratio += f", {twin['memory'] / result['memory']:.1f} x memory"
    return [workload, f"{connections:,}", f"{result['requests_per_second']:,.0f}", duration(result["p50_us"]),
            duration(result["p99_us"]), f"{number(result['cpu_us'])} us", size(result["memory"]), ratio]


class Demo:
    def __init__(self, programs, counts):
        self.programs = programs
        self.counts = counts
        self.failures = []
        self.rows = []
        self.progress = Progress(1 + 3 * len(counts))

    def step(self, what, function, *arguments):
        """The result, or None if it failed: then the demo goes on, and says so at its end."""
        self.progress.begin(what)
        try:
            result = function(*arguments)
        except BenchError as error:
            self.failures.append(f"{what}: {error}")
            self.progress.end("FAILED")
            return None
        self.progress.end(f"{result['requests_per_second']:,.0f} requests/s" if isinstance(result, dict) else result)
        return result

    def http(self):
        server_cpus, load_cpus = cpu_sets()
        for connections in (None, *self.counts):
            # A new server each time, so that the memory is what these connections take.
            what = "http_server, one page" if connections is None else f"http_server, {connections:,} connections, wrk"
            self.step(what, self.http_run, server_cpus, load_cpus, connections)

    def http_run(self, server_cpus, load_cpus, connections):
        with start(self.programs["http"], server_cpus) as server:
            if connections is None:
                result = show_page(server)
            else:
                result = load_http(server, load_cpus, connections)
                self.rows.append(row_of("HTTP, fibers", connections, result))
            server.stop()
        return result

    def echo(self):
        for connections in self.counts:
            fiber = self.step(f"echo_server, {connections:,} connections", load_echo, self.programs["fiber"],
                              self.programs["load"], connections)
            thread = self.thread_echo(connections)
            if fiber:
                self.rows.append(row_of("echo, fibers", connections, fiber, thread))
            if thread:
                self.rows.append(row_of("echo, std::thread", connections, thread))

    def thread_echo(self, connections):
        what = f"thread_echo_server, {connections:,} connections"
        room, limit = most_threads()
        if room < connections + SPARE_THREADS:
            self.progress.begin(what)
            self.progress.end(f"skipped: this machine allows only {room:,} threads ({limit})")
            return None
        return self.step(what, load_echo, self.programs["thread"], self.programs["load"], connections)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory (%(default)s)")
    arguments = parser.parse_args()
    try:
        demo = Demo(find_programs(arguments.build), connections_that_fit())
    except BenchError as error:
        print(f"demo.py: {error}", file=sys.stderr)
        return 2
    server_cpus, load_cpus = cpu_sets()
    shared = "the same CPU" if server_cpus == load_cpus else f"{len(load_cpus)} for the clients"
    print(f"{len(server_cpus)} CPU(s) for the servers, {shared}; every echoed byte is compared.\n", flush=True)
    demo.http()
    demo.echo()

    print()
    head = ["workload", "connections", "requests/s", "p50", "p99", "server CPU/request", "memory/connection",
            "std::thread takes"]
    print(format_table(head, demo.rows, left=1))
    print("\nMemory is resident pages and page tables of the server; a thread takes some 16 KiB more in the kernel.\n"
          "The CPU time of HTTP includes making the connections.")
    for failure in demo.failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if demo.failures else 0


if __name__ == "__main__":
    sys.exit(main())
