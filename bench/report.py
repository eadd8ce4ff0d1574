#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes one self-contained page of what run.py --json has written: charts, tables, and what was lost."""

import argparse
import html
import json
import re
import statistics
import sys
from pathlib import Path

try:
    import charts
except ImportError as error:
    sys.exit(f"report.py: {error} (Debian: apt-get install python3-matplotlib)")

import machine
from summary import Summary, kind_of, title_of
from table import number, spread

STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1d242b; background: #fff; margin: 0 auto;
       max-width: 1180px; padding: 24px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 20px; margin: 40px 0 8px; }
h2 code, h3 code { font-size: inherit; } h3 { font-size: 15px; margin: 0 0 2px; }
.machine, .note { color: #45505c; font-size: 13px; margin: 4px 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 20px 28px; }
figure { margin: 0; } svg { font-family: inherit; height: auto; display: block; }
table { border-collapse: collapse; font-size: 14px; } th, td { text-align: left; padding: 4px 14px 4px 0;
       border-bottom: 1px solid #e6e9ed; vertical-align: top; } td.n, th.n { text-align: right; white-space: nowrap; }
.key span { display: inline-block; width: 11px; height: 11px; margin: 0 5px 0 16px; }
.bad { color: #b3261e; } .mild { color: #8a94a0; }
details { margin-top: 8px; } summary { cursor: pointer; color: #45505c; }
"""
WHAT_WORKLOADS_DO = {
    "context_switch": "Control goes to another stack and back, with no scheduler.",
    "yield": "1,000 fibers on one worker yield to each other.",
    "spawn_join": "An empty fiber is spawned and joined, one at a time.",
    "spawn_batch": "A million fibers are spawned, then all are joined.",
    "ping_pong": "Two fibers hand the turn to each other by semaphores; across: each on a worker of its own.",
    "skynet": "A tree of fibers with ten children each and a million leaves adds up the leaves' numbers.",
    "fork_join": "Fibonacci numbers: each call forks one half of its work and joins it.",
    "mutex": "100 fibers increase one number under one mutex.",
    "timers": "Fibers sleep until different times within a second: CPU time for each, and how late they woke.",
    "memory": "Resident memory and page tables of each suspended fiber, and the time to make it.",
    "echo": "An echo server on loopback: its CPU time per request, and the latency that clients see.",
    "churn": "Connections are opened, used once and closed.",
    "http": "A small page over keep-alive connections, loaded by wrk.",
    "stalls": "Echo while computations of 1 ms hit the workers ten times a second.",
}
PLAIN_ECHO = re.compile(r"[\d,]+ connections?")


def escaped(text):
    return html.escape(str(text))


def head_of(document):
    keys = (("coir", "coir"), ("coir, coroutines", "coir_coro"), ("std::thread", "std_thread"), ("rival", "go"),
            ("floor: hand-written, no rival", "raw_epoll"))
    key = "".join(f'<span style="background:{charts.colour_of(system)}"></span>{name}' for name, system in keys)
    quick = '<p class="bad">Quick run: too little work per round for figures that can be trusted.</p>'
    return (f"<h1>coir against std::thread and the field</h1>"
            f'<p class="machine">{escaped(machine.in_words(document["machine"]))}; {document["repeat"]} round(s), '
            f"systems in turns.</p>{quick if document['quick'] else ''}"
            f'<p class="note">Bars are medians of results that were checked, lines on them go from the least to the '
            f"most; × is the ratio to coir.</p>"
            f'<p class="key note" style="margin-left:-16px">{key}</p>')


def losses_of(summary):
    rows = []
    for case, metric, ours, better in summary.losses():
        names = ", ".join(f"{escaped(row.system)}{kind_of(row.system)} {number(row.median)}" for row in better)
        less, more = sorted((ours.median, better[0].median))
        ratio = f"{number(more / less)} ×" if less > 0 else "-"
        # To rivals, or only to floors and to coir's own other forms.
        kind = "" if any(not kind_of(row.system) for row in better) else ' class="mild"'
        rows.append(f"<tr{kind}><td>{escaped(title_of(case))}</td><td>{escaped(metric)}</td>"
                    f'<td class="n">{number(ours.median)} {escaped(ours.unit)}</td><td class="n">{ratio}</td>'
                    f"<td>{names}</td></tr>")
    if not rows:
        return "<h2>What was lost</h2><p>coir is first in all that was measured.</p>"
    return ("<h2>What was lost</h2><p class='note'>Grey: not to a rival, but to a floor or to another form of "
            "coir.</p><table><tr><th>workload</th><th>by</th><th class='n'>coir</th>"
            "<th class='n'>behind the first by</th><th>better</th></tr>" + "".join(rows) + "</table>")


def problems_of(summary):
    if not summary.problems():
        return ""
    items = "".join(f"<li>{escaped(title_of(one))}, {escaped(one['system'])}: {escaped(one['error'])}</li>"
                    for one in summary.problems())
    return f'<h2>What failed</h2><ul class="bad">{items}</ul>'


def table_of(rows):
    cells = []
    for row in rows:
        if row.values:
            ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
            values = f"{spread(row.values)} {escaped(row.unit)}"
            cells.append(f'<tr><td>{escaped(row.system)}</td><td class="n">{values}</td><td class="n">{ratio}</td>'
                         f"<td>{escaped(row.note)}</td></tr>")
        else:
            cells.append(f'<tr><td>{escaped(row.system)}</td><td></td><td></td><td class="bad">{escaped(row.problem)}'
                         "</td></tr>")
    return ("<details><summary>figures</summary><table><tr><th>system</th><th class='n'>median (least-most)</th>"
            "<th class='n'>/ coir</th><th></th></tr>" + "".join(cells) + "</table></details>")


def figure_of(summary, case, metric):
    rows = summary.rows(case, metric)
    measured = [row for row in rows if row.values]
    if not measured:
        return ""
    title = f"{title_of(case)}: {metric.replace('_', ' ')}"
    # Nobody wants to see a bar that says that there is none; the table below does.
    drawn = [row for row in rows if row.values or row.problem.startswith("FAILED")]
    chart = charts.bars(title, drawn, measured[0].unit, case["is_lower_better"])
    return f"<figure><h3>{escaped(title)}</h3>{chart}{table_of(rows)}</figure>"


def echo_lines(summary, metric, label):
    """A chart over the number of connections; empty if there are not two of them."""
    values = {}
    for one in summary.document["results"]:
        if (one["workload"] == "echo" and one["metric"] == metric and one.get("connections")
                and PLAIN_ECHO.fullmatch(one["variant"])):
            values.setdefault((one["workers"], one["system"]), {}).setdefault(one["connections"], []).append(
                one["value"])
    found = []
    for workers in sorted({key[0] for key in values}):
        series = {
            system: [(count, min(each), statistics.median(each), max(each)) for count, each in points.items()]
            for (number_of_workers, system), points in values.items() if number_of_workers == workers
        }
        if any(len(points) > 1 for points in series.values()):
            title = f"echo, {workers} worker{'s' if workers != 1 else ''}: {label}"
            found.append(f"<figure><h3>{escaped(title)}</h3>{charts.lines(title, series, label)}</figure>")
    return "".join(found)


def section_of(summary, workload):
    figures = [figure_of(summary, case, metric) for case in summary.cases if case["workload"] == workload
               for metric in case["metrics"]]
    if workload == "echo":
        over = (("cpu_us_per_request", "server CPU, µs per request"), ("p50_us", "p50, µs"), ("p99_us", "p99, µs"))
        figures = [echo_lines(summary, metric, label) for metric, label in over] + figures
    return (f"<h2><code>{escaped(workload)}</code></h2><p class='note'>{WHAT_WORKLOADS_DO.get(workload, '')}</p>"
            f'<div class="grid">{"".join(figures)}</div>')


def page_of(document):
    summary = Summary(document)
    workloads = dict.fromkeys(case["workload"] for case in summary.cases)
    body = [head_of(document), losses_of(summary), problems_of(summary)]
    body += [section_of(summary, workload) for workload in workloads]
    return ("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>coir benchmarks</title>"
            "<meta name='viewport' content='width=device-width'>"
            f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="what run.py --json has written")
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="(%(default)s)")
    arguments = parser.parse_args()
    try:
        document = json.loads(arguments.results.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"report.py: {arguments.results}: {error}", file=sys.stderr)
        return 2
    arguments.output.write_text(page_of(document), encoding="utf-8")
    print(f"{arguments.output}: {arguments.output.stat().st_size >> 10} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
