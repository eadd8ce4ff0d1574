# SPDX-License-Identifier: MIT
"""Counts the system calls of a server, by strace."""

import re
import signal
import subprocess
import tempfile

from server_process import BenchError, run_load


def calls_per_request(server, echo_load, cpus, connections, requests):
    """While echo_load makes about so many requests. strace slows the server down: measure nothing else meanwhile."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as summary:
        command = ["strace", "-f", "-c", "-o", summary.name, "-p", str(server.pid)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            attached = strace.stderr.readline()
            if "attached" not in attached:
                strace.kill()
                raise BenchError(f"strace: {attached.strip() or 'no message'}")
            try:
                found = run_load(echo_load, server, cpus, connections, seconds=60, warmup=0,
                                 more=("--requests", requests))
            finally:
                strace.send_signal(signal.SIGINT)  # detaches, and writes the summary
                strace.communicate()
        lines = [re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*\b(?!total\b)\w+$", line) for line in summary]
    return sum(int(line.group(1)) for line in lines if line) / found["requests"]
