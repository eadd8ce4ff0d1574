# SPDX-License-Identifier: MIT
"""Tables for people: words to the left, numbers to the right."""


def format_table(head, rows, left=2, right_until=None):
    """Lines of the table; every row is a list of strings as long as `head`.

    The first `left` columns are set to the left, as are those from `right_until` on.
    """
    right_until = len(head) if right_until is None else right_until
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row):
        cells = [
            cell.rjust(width) if left <= column < right_until else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def number(value):
    """Three significant digits or a grouped whole number."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def spread(values, unit=number):
    """`median (least-most)`; the median alone if there is one value."""
    ordered = sorted(values)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    if len(ordered) == 1:
        return unit(middle)
    return f"{unit(middle)} ({unit(ordered[0])}-{unit(ordered[-1])})"


def duration(microseconds):
    """In the unit that a person would choose."""
    if microseconds < 1000:
        return f"{microseconds:.0f} us"
    if microseconds < 1e6:
        return f"{number(microseconds / 1000)} ms"
    return f"{number(microseconds / 1e6)} s"


def size(amount):
    """Bytes, in the unit that a person would choose."""
    if abs(amount) < 1024:
        return f"{amount:.0f} B"
    return f"{amount / 1024:.1f} KiB"
