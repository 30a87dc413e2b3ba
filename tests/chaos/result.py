"""The result of a chaos run: a table for people, the same in JSON, and whether all was well."""

import json
import math
import sys

VIOLATIONS_KEPT = 1000


def percentile(values, share):
    """The least value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


class Result:
    def __init__(self):
        self.faults = {}  # name -> {times, missed, violations, recovery: [s]}

        self.violations = []

    def _row(self, name):
        return self.faults.setdefault(name, {"times": 0, "missed": 0, "violations": 0,
                                             "recovery": []})

    def add(self, name, seconds, missed=None):
        row = self._row(name)
        row["missed" if missed else "times"] += 1
        if seconds is not None:
            row["recovery"].append(seconds)

    def violation(self, fault, text):
        """Of a fault, or of "at the end"."""
        self._row(fault)["violations"] += 1
        if len(self.violations) < VIOLATIONS_KEPT:
            self.violations.append(f"{fault}: {text}")
        print(f"chaos: VIOLATION after '{fault}': {text}", file=sys.stderr, flush=True)

    def recoveries(self):
        return [s for row in self.faults.values() for s in row["recovery"]]

    def table(self):
        lines = [f"{'fault':32} {'times':>5} {'violations':>10} {'recovery p50':>12} {'p99':>6} "
                 f"{'max':>6}"]
        for name in sorted(self.faults):
            row = self.faults[name]
            lines.append(self._line(name, row["times"], row["violations"], row["recovery"]))
        rows = self.faults.values()
        lines.append(self._line("all", sum(r["times"] for r in rows),
                                sum(r["violations"] for r in rows), self.recoveries()))
        return "\n".join(lines)

    @staticmethod
    def _line(name, times, violations, recovery):
        figures = [f"{percentile(recovery, share):.2f}" if recovery else "-"
                   for share in (0.5, 0.99, 1)]
        return f"{name:32} {times:5} {violations:10} {figures[0]:>12} {figures[1]:>6} " \
               f"{figures[2]:>6}"

    def write(self, path, **more):
        rows = {name: {**row, "p50": percentile(row["recovery"], 0.5),
                       "p99": percentile(row["recovery"], 0.99),
                       "max": max(row["recovery"], default=None)}
                for name, row in sorted(self.faults.items())}
        everything = self.recoveries()
        path.write_text(json.dumps({**more, "recovery_s": {
            "p50": percentile(everything, 0.5), "p99": percentile(everything, 0.99),
            "max": max(everything, default=None)}, "violations": self.violations, "faults": rows}, indent=1) + "\n")
