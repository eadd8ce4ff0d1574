# SPDX-License-Identifier: MIT
"""What a run of a network case comes to."""

import os


def reason_not_built(program):
    return None if os.access(program, os.X_OK) else "not built here"


class Figures:
    """The results of one run, all of whose answers were right. `more`: what else each of them says."""

    def __init__(self, workload, system, workers, **more):
        self._common = {"workload": workload, "system": system, "workers": workers}
        self._more = more

    def list(self, *figures):
        """Of (metric, unit, value)."""
        return [{**self._common, "metric": metric, "unit": unit, "value": value, "checked": True, **self._more}
                for metric, unit, value in figures]
