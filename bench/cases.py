# SPDX-License-Identifier: MIT
"""What is measured: a *case* is a workload in one variant, for all systems that can do it.

A case has: workload, variant, workers; systems (name -> None, or why it cannot be measured here; coir first); metrics
that the table shows, the first of which is the primary one; is_lower_better; seconds of a run, roughly; and
run(system) -> results as dictionaries. run raises BenchError for a wrong result, a crash and a time-out. Here are the
cases that are one program each; network.py has those with a server and a load.
"""

import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from server_process import BenchError

HERE = Path(__file__).resolve().parent
# In the order of the tables. A system that is not named here comes last.
SYSTEMS = (
    "coir", "coir_coro", "coir_mixed", "std_thread", "boost_fiber", "boost_context", "asio", "go", "tokio", "nginx",
    "raw_epoll", "raw_uring", "asm_floor",
)
# Not rivals but what the machine allows: hand-written for one purpose.
FLOORS = ("raw_epoll", "raw_uring", "asm_floor")
SOURCE_SUFFIXES = (".cpp", ".go", ".rs", ".c")
LIMIT_SECONDS = 120
GIGABYTE = 1 << 30


@dataclass(frozen=True)
class Workload:
    """A folder of programs, and how they are called."""

    name: str
    metrics: tuple
    several_workers: bool = False  # measured with one worker and with several
    # (text, options, with several workers only)
    variants: tuple = (("", (), False),)
    quick_variants: tuple = ()  # instead of the others
    rounds: int = 3
    bytes_each: dict = field(default_factory=dict)  # system -> what a million of it take, to skip what does not fit


WORKLOADS = (
    Workload("context_switch", ("per_switch",)),
    Workload("yield", ("per_yield",)),
    Workload("spawn_join", ("per_spawn_and_join",), several_workers=True),
    Workload("spawn_batch", ("per_fiber",), several_workers=True, rounds=1),
    Workload("ping_pong", ("per_round_trip",), several_workers=True,
             variants=(("", (), False), ("across", ("--across",), True))),
    Workload("skynet", ("per_leaf",), several_workers=True, rounds=1),
    Workload("fork_join", ("per_fork_and_join",), several_workers=True),
    Workload("mutex", ("per_lock_and_unlock",), several_workers=True),
    Workload("timers", ("cpu_per_sleeper", "lateness_p50", "lateness_p99"), rounds=1),
    Workload("memory", ("bytes_per_fiber", "creation"), rounds=1,
             variants=(("100,000 suspended", ("--count", "100000"), False),
                       ("1,000,000 suspended", ("--count", "1000000"), False)),
             quick_variants=(("30,000 suspended", ("--count", "30000"), False),),
             bytes_each={"boost_fiber": 12 * GIGABYTE, "coir": 5 * GIGABYTE, "go": 4 * GIGABYTE}),
)


def available_bytes():
    with open("/proc/meminfo", encoding="ascii") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def in_order(systems):
    return sorted(systems, key=lambda name: (SYSTEMS.index(name) if name in SYSTEMS else len(SYSTEMS), name))


def worker_cpus(workers):
    """The CPUs of a program with so many workers: the last ones, since the first serves most interrupts."""
    return sorted(os.sched_getaffinity(0))[-workers:]


class ProgramCase:
    """One program per system, called with the same options."""

    is_lower_better = True

    def __init__(self, build, workload, variant, workers, quick):
        text, options, _ = variant
        self.workload = workload.name
        self.variant = text
        self.workers = workers
        self.metrics = workload.metrics
        self.primary = workload.metrics[0]
        self.seconds = 2
        self._folder = build / "bench" / workload.name
        self._options = ["--workers", str(workers), "--rounds", "1" if quick else str(workload.rounds), *options]
        self._options += ["--quick"] if quick else []
        self._counts = {}  # metric -> how much work coir did
        self.systems = {name: self._reason_to_skip(workload, name) for name in self._known()}

    def _known(self):
        """The systems that there is a source for."""
        sources = (HERE / self.workload).iterdir()
        names = {path.stem for path in sources if path.suffix in SOURCE_SUFFIXES}
        return in_order(names)

    def _program(self, system):
        return self._folder / f"{self.workload}_{system}"

    def _reason_to_skip(self, workload, system):
        if not os.access(self._program(system), os.X_OK):
            return "not built here"
        if self.workers > len(os.sched_getaffinity(0)):
            return "too few CPUs"
        if "1000000" in self._options and workload.bytes_each.get(system, 0) > 0.9 * available_bytes():
            return "too little memory"
        return None

    def _command(self, system):
        # Threads have a smaller count of their own: a million of them cannot be.
        options = self._options
        if system == "std_thread" and "--count" in options:
            at = options.index("--count")
            options = options[:at] + options[at + 2 :]
        return [self._program(system), *options]

    def run(self, system):
        command = self._command(system)
        cpus = worker_cpus(self.workers)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
                preexec_fn=lambda: os.sched_setaffinity(0, cpus),
            )
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"did not end within {LIMIT_SECONDS} s") from error
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            how = f"status {done.returncode}" if done.returncode > 0 else signal.Signals(-done.returncode).name
            raise BenchError(f"ended with {how}: {last}")
        return [self._checked(system, line) for line in done.stdout.splitlines()]

    def _checked(self, system, line):
        """The result in a line that a program printed."""
        try:
            result = json.loads(line)
            said = (result["workload"], result["system"], result["workers"])
            metric, value, count = result["metric"], float(result["value"]), result["count"]
        except (ValueError, KeyError, TypeError) as error:
            raise BenchError(f"printed '{line}'") from error
        if said != (self.workload, system, self.workers):
            raise BenchError(f"says that it is {said}")
        if result.get("checked") is not True:
            raise BenchError(f"did not check its {metric}")
        if value != value or value < 0:
            raise BenchError(f"{metric} is {value}")
        # coir comes first, so it says what the others have to do.
        if system != "std_thread" and self._counts.setdefault(metric, count) != count:
            raise BenchError(f"did {count} instead of {self._counts[metric]}")
        return result


def cases(build, workers, quick):
    """All cases of programs, with one worker and with `workers`."""
    found = []
    for workload in WORKLOADS:
        variants = workload.quick_variants if quick and workload.quick_variants else workload.variants
        for variant in variants:
            for number in sorted({1, workers}) if workload.several_workers else (1,):
                if number > 1 or not variant[2]:
                    found.append(ProgramCase(build, workload, variant, number, quick))
    return found
