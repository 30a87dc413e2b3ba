"""Incidents against PostgreSQL 15: what `for`, `resolve`, `cooldown`, `emit` and `freeze` make of
the rows for which a condition holds. PostgreSQL judges the condition and goes through the rows of
each series one by one, with docs/rules.md in SQL; `test-rules` has to be told the same by our fold.

Usage: incidents_test.py [SEED]      (TIDEWIRE names the program)
"""
import itertools
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

from postgres import MISSING, Postgres, available

PROGRAM = os.environ.get("TIDEWIRE", "build/release/tidewire")
SERIES, STEPS = 8, 240
RULES, FILE_RULES = 96, 4  # of those that go together, at random; in one file of tests
FREEZING = 64  # more, of those whose windows stand still
START = "2024-01-01T00:00:00Z"

CONFIG = """namespace: tw
redis: embedded
stage: dir:stage
sources:
  - name: feed
    url: push://tcp://127.0.0.1:5570
    format: json
    rows: /*
    table: quote
    key: { pair: /pair }
    time: { at: /t, unit: ms }
    columns: { a: /a, b: /b }
rules:
"""

# Conditions without a rounded number in them, with and without windows, true for many rows in turn
# and for few; then the number of values that each of their windows has to have.
CONDITIONS = [
    ("a > 6", None, 0),
    ("a > 2 AND b IS NOT NULL", None, 0),
    ("a >= b", None, 0),
    ("NOT a < 3", None, 0),
    ("sum(a) OVER last_10m > 40", "last_10m", 0),
    ("a * count(a) OVER last_20m > sum(a) OVER last_20m", "last_20m", 5),
    ("max(a) OVER rows_4 - min(a) OVER rows_4 < 6", "rows_4", 4),
    ("lag(a, 2) OVER rows_3 < a", "rows_3", 0),
]
RESOLVES = [None, "a < 2", "b > 4", "a IS NULL"]
# Of those whose windows stand still; a `resolve` has windows and guards of its own.
FREEZES = CONDITIONS[4:7] + [
    ("2 * a * count(a) OVER rows_4 > 3 * sum(a) OVER rows_4", "rows_4", 2),
    ("a > max(a) OVER last_10m OR b > lag(b, 2) OVER rows_3 + 5", None, 0),
    ("a * count(a) OVER last_10m > sum(a) OVER last_10m + 2 * count(a) OVER last_10m", "last_10m", 3),
]
FREEZE_RESOLVES = RESOLVES + ["a * count(a) OVER rows_4 < sum(a) OVER rows_4",
                              "b > max(b) OVER rows_3", "a < min(a) OVER last_20m"]
SEES = re.compile(r"\w+\([^()]*\) OVER \w+")
FORS, COOLDOWNS = [0, 3, 10], [0, 4, 30]  # minutes
WINDOWS = {
    "last_10m": "ORDER BY ts RANGE BETWEEN '10 minutes' PRECEDING AND '1 microsecond' PRECEDING",
    "last_20m": "ORDER BY ts RANGE BETWEEN '20 minutes' PRECEDING AND '1 microsecond' PRECEDING",
    "rows_3": "ORDER BY ts ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING",
    "rows_4": "ORDER BY ts ROWS BETWEEN 4 PRECEDING AND 1 PRECEDING",
}

# Each row in turn: what is so after it, and what is said at it.
MOVING = """
CREATE TEMP TABLE judged AS
    SELECT pair, ts, row_number() OVER (PARTITION BY pair ORDER BY ts) AS i,
           {warm} AND coalesce({when}, false) AS holds,
           {warm} AND {resolve} AS clears
    FROM quote WINDOW {windows};
"""
# The same of a rule whose windows stand still, row by row: w is what they hold, k and l are the
# guards of the rule and of its `resolve`, z is whether they stand still.
FROZEN = """
CREATE TEMP TABLE judged (pair text, ts timestamp, i bigint, holds boolean, clears boolean);
DO $$
DECLARE
    r record; last text; z boolean; k boolean; l boolean; w numeric[]; h boolean; c boolean;
BEGIN
    FOR r IN SELECT pair, ts, a, b, row_number() OVER (PARTITION BY pair ORDER BY ts) AS i,
                    {warm} AS k, {warm2} AS l, ARRAY[{values}]::numeric[] AS w
             FROM quote WINDOW {windows} ORDER BY pair, ts
    LOOP
        IF last IS DISTINCT FROM r.pair THEN z := false; last := r.pair; END IF;
        IF NOT z THEN w := r.w; k := r.k; l := r.l; END IF;
        SELECT k AND coalesce({when}, false), coalesce({resolve}, false) INTO h, c
        FROM (SELECT r.a AS a, r.b AS b) x;
        INSERT INTO judged VALUES (r.pair, r.ts, r.i, h, k AND l AND c);
        z := h OR (z AND {resolves} AND l AND NOT c);
    END LOOP;
END $$;
"""
LIVES = """
CREATE INDEX ON judged (i, pair);
WITH RECURSIVE life AS (
    SELECT DISTINCT pair, 0::bigint AS i, NULL::timestamp AS ts, 'well' AS state,
           NULL::timestamp AS since, NULL::timestamp AS told, NULL AS said
    FROM judged
  UNION ALL
    SELECT pair, judged.i, judged.ts, next.state, now.since,
           CASE WHEN said.said IN ('firing', 'still') THEN judged.ts ELSE told END, said.said
    FROM life JOIN judged USING (pair),
    LATERAL (SELECT CASE life.state WHEN 'well' THEN judged.ts ELSE life.since END AS since) now,
    LATERAL (SELECT judged.ts - now.since >= '{for} minutes' AND
                    (told IS NULL OR {cooldown} = 0 OR
                     judged.ts - told >= '{cooldown} minutes') AS due) due,
    LATERAL (SELECT CASE
        WHEN holds AND life.state = 'firing' THEN
            CASE WHEN {cooldown} > 0 AND judged.ts - told >= '{cooldown} minutes' THEN 'still' END
        WHEN holds AND due THEN 'firing'
        WHEN NOT holds AND life.state = 'firing' AND clears THEN 'resolved' END AS said) said,
    LATERAL (SELECT CASE
        WHEN holds AND (life.state = 'firing' OR due) THEN 'firing'
        WHEN holds THEN 'pending'
        WHEN life.state = 'firing' AND NOT clears THEN 'firing'
        ELSE 'well' END AS state) next
    WHERE judged.i = life.i + 1)
SELECT pair, extract(epoch FROM ts - '2024-01-01')::bigint, said FROM life WHERE said IS NOT NULL
UNION ALL
SELECT pair, extract(epoch FROM ts - '2024-01-01')::bigint, 'alert'
FROM (SELECT *, lag(holds, 1, false) OVER (PARTITION BY pair ORDER BY ts) AS before FROM judged) x
WHERE holds AND NOT ({edge} AND before)
ORDER BY 1, 2;
"""


def make_series(rng):
    """{pair: [(a, b) or None]}: values stay where they are for a while, so that much lasts."""
    made = {}
    for s in range(SERIES):
        steps, a, b = [], rng.randrange(10), rng.randrange(10)
        for _ in range(STEPS):
            a = rng.randrange(10) if rng.random() < 0.3 else a
            b = rng.randrange(10) if rng.random() < 0.3 else b
            row = (None if rng.random() < 0.05 else a, None if rng.random() < 0.2 else b)
            steps.append(None if rng.random() < 0.15 or row == (None, None) else row)
        made[f"P{s}"] = steps
    return made


def make_rules(rng):
    """{name: (condition, window, least, resolve, for, cooldown, edge, freeze)}."""
    rules, freezing = [], []
    for (text, window, least), resolve, wait, cooldown in itertools.product(
            CONDITIONS, RESOLVES, FORS, COOLDOWNS):
        for edge in (False,) if window else (False, True):
            rules.append((text, window, least, resolve, wait, cooldown, edge, False))
    for (text, window, least), resolve, wait, cooldown, edge in itertools.product(
            FREEZES, FREEZE_RESOLVES, FORS, COOLDOWNS, (False, True)):
        freezing.append((text, window, least, resolve, wait, cooldown, edge, True))
    chosen = rng.sample(rules, RULES) + rng.sample(freezing, FREEZING)
    return {f"r{n}": rule for n, rule in enumerate(chosen)}


def rule_text(name, rule):
    text, _, least, resolve, wait, cooldown, edge, freeze = rule
    more = f', resolve: "{resolve}"' if resolve else ""
    more += ", freeze: true" if freeze else ""
    return (f'  {name}: {{ on: quote, when: "{text}", min_rows: {least}, positive: "false", '
            f'emit: {"edge" if edge else "row"}, alerts_max: 0, for: {wait}m, '
            f"cooldown: {cooldown}m{more} }}\n")


def guards(text, least):
    """`min_rows` for each window of a condition."""
    asked = {(argument, window) for argument, window in
             re.findall(r"\w+\((\w)[^()]*\) OVER (\w+)", text or "")}
    return " AND ".join(["true"] + [
        f"count({argument}) OVER {window} >= "
        f"{min(least, int(window[5:])) if window.startswith('rows') else least}"
        for argument, window in sorted(asked)])


def frozen(rule):
    """What FROZEN asks for: each aggregate is a place in w."""
    text, _, least, resolve, *_ = rule
    seen = SEES.findall(text) + SEES.findall(resolve or "")
    places = itertools.count(1)

    def place(_):
        return f"w[{next(places)}]"
    return {"warm": guards(text, least), "warm2": guards(resolve, least), "values": ", ".join(seen),
            "when": f"({SEES.sub(place, text)})", "resolves": bool(resolve),
            "resolve": f"({SEES.sub(place, resolve)})" if resolve else "true"}


def expected(db, rule):
    """[(pair, second, kind)] as PostgreSQL has it."""
    text, window, least, resolve, wait, cooldown, edge, freeze = rule
    warm = f"count(a) OVER {window} >= {least}" if window and least else "true"
    words = {"warm": warm, "when": f"({text})", "for": wait, "cooldown": cooldown, "edge": edge,
             "resolve": f"coalesce({resolve}, false)" if resolve else "true",
             "windows": ", ".join(f"{name} AS (PARTITION BY pair {frame})"
                                  for name, frame in WINDOWS.items())}
    if freeze:
        words.update(frozen(rule))
    db.ask("DROP TABLE IF EXISTS judged;")
    return db.rows(((FROZEN if freeze else MOVING) + LIVES).format_map(words))


def column(steps, which):
    return " ".join("_" if row is None or row[which] is None else str(row[which]) for row in steps)


def test_text(name, series, told):
    lines = [f"  - name: {name}", f"    start: {START}", f"    only: [{name}]",
             "    kinds: [alert, correction, firing, still, resolved]", "    input:"]
    for pair, steps in series.items():
        lines += [f"      - series: quote:{pair}",
                  f'        columns: {{ a: "{column(steps, 0)}", b: "{column(steps, 1)}" }}']
    lines.append("    expect:" if told else "    expect: []")
    lines += [f"      - {{ rule: {name}, series: quote:{pair}, at: {second}s, kind: {kind} }}"
              for pair, second, kind in told]
    return "\n".join(lines) + "\n"


def run(folder, rules, series, told):
    """Exit code and words of test-rules, of the first file that fails. Every test judges all rules
    of its configuration, so that has no more than the file needs."""
    names = list(rules)
    for first in range(0, len(names), FILE_RULES):
        some = names[first:first + FILE_RULES]
        (folder / "config.yaml").write_text(
            CONFIG + "".join(rule_text(name, rules[name]) for name in some))
        path = folder / f"tests-{first}.yaml"
        path.write_text("config: config.yaml\ntests:\n"
                        + "".join(test_text(name, series, told[name]) for name in some))
        done = subprocess.run([PROGRAM, "test-rules", path], text=True, capture_output=True,
                              timeout=300)
        if done.returncode:
            return done.returncode, done.stdout[-6000:] + done.stderr[-2000:]
    return 0, ""


def main():
    if not available():
        print("PostgreSQL 15 is not installed: skipped", file=sys.stderr)
        return MISSING
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(2**32)
    began, rng = time.monotonic(), random.Random(seed)
    series, rules, counts = make_series(rng), make_rules(rng), {}
    rows = [(pair, f"2024-01-01 {n // 60:02}:{n % 60:02}:00", *row)
            for pair, steps in series.items() for n, row in enumerate(steps) if row]
    with Postgres() as db, tempfile.TemporaryDirectory(prefix="incidents-") as folder:
        db.ask("SET enable_hashjoin = off; SET enable_mergejoin = off;")  # few rows at a time
        db.run("CREATE TABLE quote (pair text, ts timestamp, a numeric, b numeric);")
        db.load("quote", ["pair", "ts", "a", "b"], rows)
        told = {name: expected(db, rule) for name, rule in rules.items()}
        status, words = run(pathlib.Path(folder), rules, series, told)
    for entries in told.values():
        for *_, kind in entries:
            counts[kind] = counts.get(kind, 0) + 1
    print(f"seed {seed}: {len(rules)} rules x {SERIES} series x {len(rows) // SERIES} rows = "
          f"{len(rules) * len(rows)} rows compared in {time.monotonic() - began:.1f} s: "
          + ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    assert min(counts.get(k, 0) for k in ("alert", "firing", "still", "resolved")) > 1000, counts
    print(words, end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
