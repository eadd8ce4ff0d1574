# SPDX-License-Identifier: MIT
"""On what, with what and of what the measurements were taken."""

import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path


def _first_line(*command):
    """Of what a command says; None if there is no such command."""
    if shutil.which(command[0]) is None:
        return None
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout.strip().splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _memory_bytes():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cache_of(build):
    """The build's cache: name -> value."""
    cache = {}
    path = build / "CMakeCache.txt"
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            match = re.match(r"([A-Za-z_]+):\w+=(.*)", line)
            if match:
                cache[match[1]] = match[2]
    return cache


def _build_settings(cache):
    """Compiler and options."""
    compiler = cache.get("CMAKE_CXX_COMPILER", "c++")
    kinds = ("CMAKE_BUILD_TYPE", "COIR_CONTEXT", "COIR_ALLOCATOR")
    return _first_line(compiler, "--version"), " ".join(cache[kind] for kind in kinds if kind in cache)


def _boost_version():
    header = Path("/usr/include/boost/version.hpp")
    match = re.search(r'BOOST_LIB_VERSION "([\d_]+)"', header.read_text()) if header.exists() else None
    return f"Boost {match[1].replace('_', '.')}" if match else None


def _package_version(package):
    if shutil.which("dpkg-query") is None:
        return None
    done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None if done.returncode == 0 else None


def _versions(cache):
    rustc = Path(cache.get("COIR_CARGO", "cargo")).with_name("rustc")  # the one that builds
    tokio = _package_version("librust-tokio-dev")
    found = (_boost_version(), _first_line("go", "version"), _first_line(str(rustc), "--version"),
             tokio and f"Tokio {tokio}", _first_line("nginx", "-v"), _first_line("wrk", "-v"),
             os.confstr("CS_GNU_LIBC_VERSION"))
    return [each for each in found if each]


def _commit():
    top = Path(__file__).resolve().parents[1]
    commit = _first_line("git", "-C", str(top), "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "unknown"
    changed = _first_line("git", "-C", str(top), "status", "--porcelain", "--untracked-files=no")
    return commit + (" and uncommitted changes" if changed else "")


def describe(build):
    cache = _cache_of(build)
    compiler, settings = _build_settings(cache)
    return {
        "cpu": _cpu_model(),
        "usable_cpus": len(os.sched_getaffinity(0)),
        "memory_bytes": _memory_bytes(),
        "kernel": platform.release(),
        "compiler": compiler,
        "build": settings,
        "versions": _versions(cache),
        "commit": _commit(),
        "load_average": os.getloadavg()[0],
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


def in_words(machine):
    return (f"{machine['cpu']}, {machine['usable_cpus']} CPUs, {machine['memory_bytes'] / (1 << 30):.0f} GiB, "
            f"Linux {machine['kernel']}; {machine['compiler']}, {machine['build']}; "
            f"{'; '.join(machine['versions'])}; commit {machine['commit']}; load average at the start "
            f"{machine['load_average']:.1f}; {machine['date']}")
