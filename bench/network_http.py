# SPDX-License-Identifier: MIT
"""The cases of the workload http: a small page, fetched by wrk on connections that are kept alive."""

import http.client
import os
import shutil
import socket
import time

from network_result import Figures, reason_not_built
from server_process import START_LIMIT_SECONDS, BenchError, Server, cpu_sets
from wrk import run_wrk

# What every server must send; bench/http/page.hpp has it too.
PAGE = "<!doctype html>\n<title>coir</title>\n<p>Hello from a fiber.</p>\n"
PAGE_TYPE = "text/html; charset=utf-8"
PROGRAMS = {
    "coir": "examples/http_server",
    "std_thread": "bench/http/http_std_thread",
    "asio": "bench/http/http_asio",
    "go": "bench/http/http_go",
    "raw_epoll": "bench/http/http_raw_epoll",
}
CPU = "cpu_us_per_request"

# Fair: no logs, no end of a connection after so many requests, nothing looked up in the file system.
NGINX_CONFIGURATION = """
daemon off;
worker_processes {workers};
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = / {{
      default_type "{type}";
      return 200 "{page}";
    }}
  }}
}}
"""


class NginxServer(Server):
    """One process that starts the others, and a process for each worker."""

    def __init__(self, program, folder, workers, cpus):
        folder.mkdir(parents=True, exist_ok=True)
        # nginx cannot choose a port by itself.
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._wanted = probe.getsockname()[1]
        configuration = folder / "nginx.conf"
        configuration.write_text(NGINX_CONFIGURATION.format(
            workers=workers, folder=folder, port=self._wanted, type=PAGE_TYPE, page=PAGE), encoding="utf-8")
        super().__init__([program, "-e", "stderr", "-p", str(folder), "-c", str(configuration)], cpus)

    def _wait_until_listening(self):
        limit = time.monotonic() + START_LIMIT_SECONDS
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._wanted), timeout=1).close()
                return self._wanted
            except OSError:
                time.sleep(0.02)
        raise BenchError(f"nginx does not listen: {self.complaints() or 'no message'}")

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            processes = [self.pid, *map(int, file.read().split())]
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in processes)


def check_page(port):
    """BenchError unless the page is what all servers have to send."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        found = (answer.status, answer.getheader("Content-Type"), answer.read().decode(errors="replace"))
    except (OSError, http.client.HTTPException) as error:
        raise BenchError(f"the page cannot be fetched: {error!r}") from error
    finally:
        connection.close()
    if found != (200, PAGE_TYPE, PAGE):
        raise BenchError(f"another page came: {found}")


class HttpCase:
    """wrk on so many connections. Its check of a response is the status, so the page is fetched before and after."""

    workload = "http"
    metrics = (CPU, "p99_us")
    primary = CPU
    is_lower_better = True

    def __init__(self, build, connections, workers, seconds):
        self.variant = f"{connections} connections"
        self.workers = workers
        self.seconds = seconds + 0.5
        self._build = build
        self._connections = connections
        self._duration = seconds
        self._nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.systems = {name: reason_not_built(build / path) for name, path in PROGRAMS.items()}
        self.systems["nginx"] = None if self._nginx else "no nginx"
        if shutil.which("wrk") is None:
            self.systems = dict.fromkeys(self.systems, "no wrk")

    def _start(self, system, cpus):
        if system == "nginx":
            return NginxServer(self._nginx, self._build / "bench/http/nginx", self.workers, cpus)
        return Server([self._build / PROGRAMS[system], "--port", "0", "--workers", str(self.workers)], cpus)

    def run(self, system):
        server_cpus, load_cpus = cpu_sets()
        with self._start(system, server_cpus) as server:
            check_page(server.port)
            before = server.cpu_seconds()
            found = run_wrk(server.port, load_cpus, self._connections, seconds=self._duration,
                            near_end=lambda: None)
            used = server.cpu_seconds() - before
            check_page(server.port)
            server.stop()
        figures = Figures(self.workload, system, self.workers, connections=self._connections)
        return figures.list((CPU, "us", used * 1e6 / found["requests"]), ("p50_us", "us", found["p50_us"]),
                            ("p99_us", "us", found["p99_us"]),
                            ("requests_per_second", "1/s", found["requests_per_second"]))


def http_cases(build, workers, quick):
    return [HttpCase(build, connections, workers, 1 if quick else 2) for connections in ((64,) if quick else (64, 512))]
