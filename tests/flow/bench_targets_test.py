"""What `./run bench` says of its targets: kept at the bound, not beyond it, each in one line."""

import pathlib
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/bench"))
from targets import TARGETS, judge, text  # noqa: E402


def result(stage, shift):
    """Figures at their bounds; with a shift, a hundredth on the bad side of them, or the good one."""
    made = {}
    for _, place, way, bound in TARGETS[stage]:
        *path, name = place.split(".")
        inside = made
        for part in path:
            inside = inside.setdefault(part, {})
        inside[name] = bound * (1 + shift * (0.01 if way == "<=" else -0.01))
    return made


def main():
    for stage, targets in TARGETS.items():
        for shift, kept in ((0, True), (-1, True), (1, False)):
            lines = judge(stage, result(stage, shift))
            assert [line["within"] for line in lines] == [kept] * len(targets), (stage, shift, lines)
            assert all(f": {kept}  (" in text(line) for line in lines), lines
    assert judge("window", {}) == []  # nothing was promised of it
    line = judge("subscribers", {"rss_mib": 75.4, "fan_out_worst_s": 1.25})[1]
    assert text(line) == ("within <= 1: False  (1.25: s until one alert to 10,000 subscribers is "
                          "queued, the worst of three)"), text(line)
    print("targets are judged at their bounds")


if __name__ == "__main__":
    main()
