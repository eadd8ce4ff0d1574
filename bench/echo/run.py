#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures echo servers against each other, in turns: A B C A B C, so that all of them see the same machine.

The server has one half of the CPUs and the load the other; with two CPUs that is one each. Each run starts its server
anew, warms it up, and reads its CPU clock at both ends of the measured window. Printed are medians (least-most).
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from network import ECHO as PROGRAMS, SPARE_DESCRIPTORS, SPARE_THREADS, find_echo_programs  # noqa: E402
from server_process import BenchError, Server, cpu_sets, most_threads, raise_descriptor_limit, run_load  # noqa: E402
from system_calls import calls_per_request  # noqa: E402
from table import duration, format_table, number, size, spread  # noqa: E402

YARDSTICK = "raw_epoll"


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory (%(default)s)")
    parser.add_argument("--servers", default="raw_epoll,coir,coir_coro,asio,std_thread",
                        help=f"any of {', '.join(PROGRAMS)}, or NAME=PROGRAM (%(default)s)")
    parser.add_argument("--connections", default="100,1000,10000", help="(%(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (%(default)s)")
    parser.add_argument("--seconds", type=float, default=5, help="measured window of a run (%(default)s)")
    parser.add_argument("--warmup", type=float, default=1, help="seconds of load before it (%(default)s)")
    parser.add_argument("--message-bytes", type=int, default=64, help="(%(default)s)")
    parser.add_argument("--pipeline", type=int, default=1, help="requests in flight per connection (%(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="given to each server (%(default)s)")
    parser.add_argument("--syscalls", action="store_true", help="count system calls too, in a run of its own by strace")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    arguments = parser.parse_args()
    arguments.connections = [int(count) for count in arguments.connections.split(",")]
    return arguments


def reason_to_skip(name, connections, descriptors):
    if descriptors < connections + SPARE_DESCRIPTORS:
        return f"only {descriptors} descriptors (ulimit -Hn)"
    count, limit = most_threads()
    if name == "std_thread" and count < connections + SPARE_THREADS:
        return f"only {count} threads ({limit})"
    return None


def measure(program, load, connections, arguments):
    server_cpus, load_cpus = cpu_sets()
    with Server([program, "--port", "0", "--workers", str(arguments.workers)], server_cpus) as server:
        more = ("--message-bytes", arguments.message_bytes, "--pipeline", arguments.pipeline)
        result = run_load(
            load, server, load_cpus, connections, seconds=arguments.seconds, warmup=arguments.warmup, more=more
        )
        server.stop()
    return result


def count_syscalls(program, load, arguments):
    """System calls per request at 100 connections."""
    server_cpus, load_cpus = cpu_sets()
    with Server([program, "--port", "0", "--workers", str(arguments.workers)], server_cpus) as server:
        calls = calls_per_request(server, load, load_cpus, 100, 50_000)
        server.stop()
    return calls


def run_all(servers, load, arguments, descriptors):
    """All runs as dictionaries, in the order they were made, and how many failed."""
    runs, failures = [], 0
    for round_number in range(1, arguments.repeat + 1):
        for connections in arguments.connections:
            for name, program in servers.items():
                title = f"round {round_number} of {arguments.repeat}, {connections} connections, {name}"
                reason = reason_to_skip(name, connections, descriptors)
                if reason:
                    say(f"{title}: skipped, {reason}")
                    continue
                try:
                    result = measure(program, load, connections, arguments)
                except BenchError as error:
                    say(f"{title}: FAILED: {error}")
                    failures += 1
                    continue
                say(
                    f"{title}: {result['requests_per_second']:,.0f} requests/s, "
                    f"{result['server_cpu_us_per_request']:.2f} us CPU per request"
                )
                runs.append({"server": name, "round": round_number, **result})
    return runs, failures


def count_all_syscalls(servers, load, arguments):
    """Name -> system calls per request, None where it failed."""
    counts = {}
    for name, program in servers.items():
        try:
            counts[name] = count_syscalls(program, load, arguments)
            say(f"system calls of {name}: {counts[name]:.2f} per request")
        except BenchError as error:
            counts[name] = None
            say(f"system calls of {name}: FAILED: {error}")
    return counts


def ratios_to_yardstick(runs, name, connections):
    """Of each round by itself: both saw the machine within the same minute."""
    cpu = {(run["server"], run["round"]): run["server_cpu_us_per_request"] for run in runs
           if run["connections"] == connections}
    rounds = sorted(round_number for server, round_number in cpu if server == name)
    return [cpu[name, r] / cpu[YARDSTICK, r] for r in rounds if cpu.get((YARDSTICK, r))]


def table_of(runs, syscalls, arguments, servers):
    head = ["connections", "server", "CPU us/request", f"ratio to {YARDSTICK}", "requests/s", "p50", "p99", "p99/p50",
            "resident", "page tables"]
    head += ["calls/request"] if syscalls else []
    rows = []
    for connections in arguments.connections:
        for name in servers:
            group = [run for run in runs if run["server"] == name and run["connections"] == connections]
            if not group:
                continue

            def of(key):
                return [run[key] for run in group]  # noqa: B023: used in this round of the loop only

            ratios = ratios_to_yardstick(runs, name, connections)
            row = [str(connections), name, spread(of("server_cpu_us_per_request")),
                   spread(ratios, "{:.2f}".format) if ratios else "-",
                   number(statistics.median(of("requests_per_second"))),
                   duration(statistics.median(of("p50_us"))), duration(statistics.median(of("p99_us"))),
                   number(statistics.median(run["p99_us"] / run["p50_us"] for run in group)),
                   size(statistics.median(of("resident_bytes_per_connection"))),
                   size(statistics.median(of("page_table_bytes_per_connection")))]
            rows.append(row + ([number(syscalls.get(name))] if syscalls else []))
    return format_table(head, rows)


def machine():
    model = "unknown"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    control = Path("/proc/sys/net/ipv4/tcp_congestion_control")
    return {
        "cpu": model,
        "usable_cpus": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "congestion_control": control.read_text(encoding="ascii").strip() if control.exists() else "unknown",
    }


def main():
    arguments = parse_arguments()
    try:
        servers, load = find_echo_programs(arguments.servers, arguments.build)
        if arguments.syscalls and shutil.which("strace") is None:
            raise BenchError("--syscalls needs strace")
        if len(os.sched_getaffinity(0)) < 2:
            say("only one CPU: server and load share it, so the figures are of little worth")
        descriptors = raise_descriptor_limit(max(arguments.connections) + SPARE_DESCRIPTORS)
        runs, failures = run_all(servers, load, arguments, descriptors)
        syscalls = count_all_syscalls(servers, load, arguments) if arguments.syscalls else {}
        failures += list(syscalls.values()).count(None)
    except BenchError as error:
        say(f"echo/run.py: {error}")
        return 1
    found = machine()
    print(f"{found['cpu']}, {found['usable_cpus']} CPUs, Linux {found['kernel']}, "
          f"{found['congestion_control']}; {arguments.message_bytes} byte messages, {arguments.pipeline} in flight per "
          f"connection, {arguments.workers} worker(s), {arguments.repeat} rounds of {arguments.seconds:g} s: median "
          f"(least-most). Memory is per connection.\n")
    print(table_of(runs, syscalls, arguments, servers))
    if arguments.json:
        everything = {"machine": found, "runs": runs, "syscalls_per_request": syscalls}
        arguments.json.write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
