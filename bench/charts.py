# SPDX-License-Identifier: MIT
"""The charts of report.py, each as the text of an <svg> element. Needs matplotlib."""

import io
import re
import zlib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({
    "svg.fonttype": "none",  # text stays text: it can be searched, and takes the page's font
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#8a94a0",
    "axes.labelcolor": "#45505c",
    "xtick.color": "#45505c",
    "ytick.color": "#45505c",
    "axes.grid": True,
    "grid.color": "#e6e9ed",
    "axes.axisbelow": True,
})

import matplotlib.pyplot as plt  # noqa: E402: only after the back end has been chosen
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

from cases import FLOORS  # noqa: E402
from table import number  # noqa: E402

OURS, OURS_TOO, RIVAL, THREAD, FLOOR = "#0b7a75", "#6fb8b0", "#7b8794", "#c8642c", "#c9cfd6"
# Lines cross, so each has a colour of its own there.
LINES = {
    "coir": OURS, "coir_coro": OURS_TOO, "coir_mixed": "#9fd3c7", "std_thread": THREAD, "boost_fiber": "#8e6bbf",
    "asio": "#b23a6b", "go": "#3b82c4", "tokio": "#d0a215", "raw_epoll": "#5b6470", "raw_uring": "#a3abb5",
}
LOG_FROM = 20  # most over least from which a bar of the least could not be seen any more
WIDTH_INCHES = 6.2


def colour_of(system):
    if system == "coir":
        return OURS
    if system.startswith("coir"):
        return OURS_TOO
    if system == "std_thread":
        return THREAD
    return FLOOR if system in FLOORS else RIVAL


def _as_svg(figure, description):
    file = io.StringIO()
    figure.savefig(file, format="svg", bbox_inches="tight", transparent=True, metadata={"Date": None})
    plt.close(figure)
    text = file.getvalue()
    text = text[text.index("<svg"):]
    # Several drawings are in one page, so names that they refer to must differ; the page sets the width.
    prefix = f"d{zlib.crc32(description.encode())}"
    text = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{prefix}", text)
    text = re.sub(r'width="[\d.]+pt" height="[\d.]+pt"', 'width="100%" role="img"', text, count=1)
    return text.replace(">", f"><title>{description}</title>", 1)


def _plain(value, _=None):
    return f"{value:,.6g}"


def _beside(axes, x, y, text, **style):
    """The text, a little to the right of a point."""
    axes.annotate(text, (x, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9, **style)


def bars(title, rows, unit, lower_is_better):
    """One bar per system: the median, and a whisker from the least to the most."""
    measured = [row for row in rows if row.values]
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, 0.75 + 0.34 * len(rows)))
    most = max(max(row.values) for row in measured)
    least = min(min(row.values) for row in measured)
    is_log = least > 0 and most / least > LOG_FROM
    if is_log:
        axes.set_xscale("log")
        axes.set_xlim(least / 2, most * 6)
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_xlim(0, most * 1.25)
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
    for place, row in enumerate(rows):
        if not row.values:
            start = least / 2 if is_log else 0
            _beside(axes, start, place, row.problem[:60], style="italic", color="#b3261e")
            continue
        axes.barh(place, row.median, color=colour_of(row.system), height=0.66)
        axes.plot([min(row.values), max(row.values)], [place, place], color="#1d242b", linewidth=1.4,
                  solid_capstyle="butt")
        ratio = f" · {number(row.ratio)} ×" if row.ratio is not None and row.system != "coir" else ""
        _beside(axes, max(row.values), place, number(row.median) + ratio, color="#1d242b")
    axes.set_yticks(range(len(rows)), [row.system for row in rows])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    better = "less is better" if lower_is_better else "more is better"
    axes.set_xlabel(f"{unit}, {better}" + (", logarithmic" if is_log else ""), fontsize=9)
    return _as_svg(figure, title)


def lines(title, series, label):
    """`series`: system -> [(connections, least, median, most)]."""
    figure, axes = plt.subplots(figsize=(WIDTH_INCHES, 3.6))
    for system, points in series.items():
        points = sorted(points)
        x = [point[0] for point in points]
        colour = LINES.get(system, RIVAL)
        axes.plot(x, [point[2] for point in points], marker="o", markersize=4, color=colour, label=system,
                  linewidth=2.6 if system == "coir" else 1.4, zorder=3 if system == "coir" else 2)
        axes.fill_between(x, [point[1] for point in points], [point[3] for point in points], color=colour, alpha=0.12,
                          linewidth=0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
    low, high = axes.get_ylim()
    # A few powers of ten are too few to read values by.
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("connections", fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return _as_svg(figure, title)
