# SPDX-License-Identifier: MIT
"""A server under measurement and the clients that load it: started here, ended here by pid, never by name."""

import json
import os
import resource
import select
import signal
import subprocess
import tempfile
import time

START_LIMIT_SECONDS = 10
STOP_LIMIT_SECONDS = 10


class BenchError(Exception):
    """What went wrong, in one line for the user."""


def cpu_sets():
    """(CPUs of the server, CPUs of the load): the two halves of what this process may use; one CPU is shared."""
    usable = sorted(os.sched_getaffinity(0))
    half = max(1, len(usable) // 2)
    return usable[:half], usable[half:] or usable


def raise_descriptor_limit(wanted):
    """Makes room for `wanted` descriptors per process, here and in what is started from here; returns what there is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return soft
    if hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))  # root may
            return wanted
        except (ValueError, OSError):
            wanted = hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def most_threads():
    """How many threads one process can have here: (count, what limits it)."""
    limits = [(resource.getrlimit(resource.RLIMIT_NPROC)[0], "ulimit -u")]
    if limits[0][0] == resource.RLIM_INFINITY:
        limits.clear()
    # A thread's stack and the guard page below it are two mappings.
    for name, per_thread in (("kernel/threads-max", 1), ("kernel/pid_max", 1), ("vm/max_map_count", 2)):
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            limits.append((int(file.read()) // per_thread, name.replace("/", ".")))
    return min(limits)


def _memory_of(pid):
    """Resident and page table bytes."""
    found = {}
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key in ("VmRSS", "VmPTE"):
                found[key] = int(value.split()[0]) * 1024
    return found["VmRSS"] + found["VmPTE"]


class Server:
    """A server process that listens. As a context manager it is killed if the block fails; stop() ends it properly."""

    def __init__(self, command, cpus):
        self.name = os.path.basename(command[0])
        self._errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
        self.pid = self._process.pid
        try:
            self.port = self._wait_until_listening()
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.kill()

    def _wait_until_listening(self):
        line = b""
        limit = time.monotonic() + START_LIMIT_SECONDS
        stdout = self._process.stdout.fileno()
        while not line.endswith(b"\n"):
            is_readable, _, _ = select.select([stdout], [], [], max(0, limit - time.monotonic()))
            piece = os.read(stdout, 4096) if is_readable else b""
            if not piece:
                raise BenchError(f"{self.name} did not say that it listens: {self.complaints() or 'no message'}")
            line += piece
        text = line.decode(errors="replace").strip()
        if not text.startswith("listening on "):
            raise BenchError(f"{self.name} printed '{text}' instead of 'listening on ADDRESS:PORT'")
        return int(text.rsplit(":", 1)[1])

    def cpu_seconds(self):
        """By the CPU clock of the process: of all its threads, of those that have ended too, in nanoseconds."""
        return time.clock_gettime((~self.pid << 3) | 2)  # as clock_getcpuclockid(3) makes it

    def memory_bytes(self):
        """Resident memory and page tables."""
        return _memory_of(self.pid)

    def complaints(self):
        self._errors.seek(0)
        return self._errors.read().strip()

    def stop(self):
        """Ends it by SIGTERM. It must exit with status 0 in time, and not have used less CPU than its clock said."""
        used = self.cpu_seconds()
        os.kill(self.pid, signal.SIGTERM)
        limit = time.monotonic() + STOP_LIMIT_SECONDS
        ended, status, usage = os.wait4(self.pid, os.WNOHANG)
        while ended == 0:
            if time.monotonic() > limit:
                raise BenchError(f"{self.name} did not end within {STOP_LIMIT_SECONDS} s of SIGTERM")
            time.sleep(0.005)
            ended, status, usage = os.wait4(self.pid, os.WNOHANG)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode != 0:
            raise BenchError(
                f"{self.name} ended with status {self._process.returncode} after SIGTERM: "
                f"{self.complaints() or 'no message'}"
            )
        total = usage.ru_utime + usage.ru_stime
        if total < 0.95 * used - 0.05:
            raise BenchError(f"{self.name}: CPU time {used:.3f} s by its clock, but {total:.3f} s by getrusage")

    def kill(self):
        """If it still runs."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def run_load(echo_load, server, cpus, connections, *, seconds, warmup=1.0, more=()):
    """One run of echo_load against the server; its JSON as a dictionary."""
    command = [echo_load, "--json", "--port", server.port, "--server-pid", server.pid, "--connections", connections]
    command += ["--seconds", seconds, "--warmup", warmup, *more]
    # It bounds each of its phases itself; this is for a load that hangs.
    limit = seconds + warmup + 120
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, cpus),
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"echo_load did not end within {limit:.0f} s") from error
    if done.returncode != 0:
        raise BenchError(done.stderr.strip() or f"echo_load ended with status {done.returncode}")
    return json.loads(done.stdout)
