# SPDX-License-Identifier: MIT
"""Loads an HTTP server with wrk."""

import os
import re
import subprocess

from server_process import BenchError

# What wrk calls them, in microseconds.
UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6}


def parse_wrk(report):
    """What matters of wrk's report; BenchError if a request failed."""
    wrong = re.search(r"Socket errors:.*|Non-2xx or 3xx responses:.*", report)
    if wrong:
        raise BenchError(f"wrk: {wrong.group()}")
    requests = re.search(r"(\d+) requests in", report)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", report)
    if not requests or not rate or int(requests.group(1)) == 0:
        raise BenchError(f"wrk reports no requests: {report.strip()}")
    found = {"requests": int(requests.group(1)), "requests_per_second": float(rate.group(1))}
    for percent, key in (("50", "p50_us"), ("99", "p99_us")):
        latency = re.search(rf"^\s*{percent}%\s+([\d.]+)(us|ms|s|m)\s*$", report, re.MULTILINE)
        if not latency:
            raise BenchError(f"wrk reports no {percent}th percentile: {report.strip()}")
        found[key] = float(latency.group(1)) * UNITS[latency.group(2)]
    return found


def run_wrk(port, cpus, connections, *, seconds, near_end):
    """One run. `near_end` is called in the second half of it; its result is in the dictionary under this name."""
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "10s", "--latency", f"http://127.0.0.1:{port}/"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),
    ) as wrk:
        try:
            try:
                wrk.wait(seconds * 0.75)
            except subprocess.TimeoutExpired:
                pass
            found = near_end()
            report, _ = wrk.communicate(timeout=seconds + 30)
        except subprocess.TimeoutExpired as error:
            raise BenchError("wrk did not end") from error
        finally:
            wrk.kill()
    if wrk.returncode != 0:
        raise BenchError(f"wrk: {report.strip()}")
    result = parse_wrk(report)
    result["near_end"] = found
    return result
