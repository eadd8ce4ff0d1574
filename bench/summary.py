# SPDX-License-Identifier: MIT
"""What the runs of run.py come to: medians with least and most, ratios to coir, and where coir is not first."""

import statistics
from dataclasses import dataclass

from cases import FLOORS, in_order

YARDSTICK = "coir"


@dataclass
class Row:
    """One system in one case, by one metric."""

    system: str
    values: list  # empty if it failed or was skipped
    unit: str = ""
    note: str = ""
    problem: str = ""  # why there are no values
    ratio: float = None  # to coir

    @property
    def median(self):
        return statistics.median(self.values)


def title_of(case):
    """A case in words: `ping_pong, 2 workers, across`."""
    workers = f"{case['workers']} worker" + ("s" if case["workers"] != 1 else "")
    return ", ".join(part for part in (case["workload"], workers, case["variant"]) if part)


def _is_of(case, record):
    return all(record[key] == case[key] for key in ("workload", "variant", "workers"))


class Summary:
    """Of the document that run.py writes."""

    def __init__(self, document):
        self.document = document
        self.cases = document["cases"]

    def row(self, case, system, metric):
        failures = [one for one in self.document["failures"] if _is_of(case, one) and one["system"] == system]
        if failures:
            return Row(system, [], problem=f"FAILED: {failures[0]['error']}")
        skipped = case["systems"].get(system)
        if skipped:
            return Row(system, [], problem=f"skipped: {skipped}")
        results = self._results(case, system, metric)
        if not results:
            return Row(system, [], problem="not measured")
        return Row(system, [one["value"] for one in results], results[0]["unit"], self._note(case, metric, results[0]),
                   ratio=self._ratio(case, system, metric))

    def _note(self, case, metric, result):
        """What the program says, and whether it did less than coir: as threads do, where there cannot be so many."""
        notes = []
        ours = self._results(case, YARDSTICK, metric)
        if ours and result.get("count", 0) < ours[0].get("count", 0):
            notes.append(f"{result['count']:,} instead of {ours[0]['count']:,}")
        rounds = len(self._by_round(case, result["system"], metric))
        if rounds < self.document["repeat"]:
            notes.append(f"{rounds} of {self.document['repeat']} rounds")
        notes.append(result.get("detail", ""))
        return ", ".join(note for note in notes if note)

    def rows(self, case, metric):
        return [self.row(case, system, metric) for system in in_order(case["systems"])]

    def _results(self, case, system, metric):
        return [one for one in self.document["results"]
                if _is_of(case, one) and one["system"] == system and one["metric"] == metric]

    def _by_round(self, case, system, metric):
        values = {}
        for one in self._results(case, system, metric):
            values.setdefault(one["round"], []).append(one["value"])
        return {number: statistics.median(each) for number, each in values.items()}

    def _ratio(self, case, system, metric):
        """The median of the ratios within each round: both saw the machine within the same minute."""
        ours, theirs = (self._by_round(case, name, metric) for name in (YARDSTICK, system))
        ratios = [value / ours[number] for number, value in theirs.items() if ours.get(number)]
        return statistics.median(ratios) if ratios else None

    def losses(self):
        """(case, metric, row of coir, rows of those who are better, best first) wherever coir is not first."""
        for case in self.cases:
            sign = 1 if case["is_lower_better"] else -1
            for metric in case["metrics"]:
                rows = self.rows(case, metric)
                ours = next((row for row in rows if row.system == YARDSTICK), None)
                if ours is None or not ours.values:
                    continue
                better = [row for row in rows if row.values and row.system != YARDSTICK
                          and sign * row.median < sign * ours.median]
                if better:
                    yield case, metric, ours, sorted(better, key=lambda row: sign * row.median)

    def problems(self):
        return self.document["failures"]


def kind_of(system):
    """In words, for those that are not rivals."""
    if system in FLOORS:
        return " (a floor)"
    return " (coir's own)" if system.startswith("coir") else ""
