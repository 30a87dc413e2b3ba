"""`test-rules`: tests that pass and tests that fail, with every word of what is said; bad files with
their places; the same rows give the alerts of a back-test. docs_test.py runs the documented one."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from harness import PROGRAM, backtest

PASSED, FAILED, USAGE, BAD = 0, 1, 2, 78

CONFIG = """
sources:
  - name: candles
    url: file:///nowhere/*.jsonl
    format: jsonl
    rows: ""
    table: candle
    key: { exchange: "=binance", pair: /k }
    time: { at: /t, unit: s }
    columns: { close: /c, volume: /v }
    lateness: 2m
derive:
  candle:
    busy: volume / avg(volume) OVER last_1h
rules:
  spike: { on: candle, when: "volume > 3 * avg(volume) OVER last_1h", emit: row }
  busy: { on: candle, when: "busy > 3", emit: row }
  jump: { on: candle, when: "close > 1.05 * lag(close) OVER rows_1", min_rows: 1, emit: row }
  climbs: { on: candle, when: "close > max(close) OVER rows_2", min_rows: 2, emit: edge }
  dear: { on: candle, when: "close > 1000", emit: row, resolve: "close < 900", cooldown: 3m }
  quiet: { on: candle, when: "close < 0", nodata: 10m }
  swing: { on: candle, when: "close > 1000", emit: row, flap: 4/10m }
"""

# In step 59 a tie, in step 60 a spike, in 61 no row.
GOOD = """
config: config.yaml
tests:
  - name: a tie is none
    start: 2024-01-01T00:00:00Z
    every: 1m
    only: [spike]
    input:
      - series: candle:binance:BTCUSDT
        columns: { volume: "0.1x58 0.3 0.30001 _ 0.1", close: "100x62" }
    expect: []
  - name: a spike, by time and by offset, on one series of two
    input:
      - series: candle:binance:a
        columns: { volume: "10x59 35 _x60 10x59 35" }
      - series: candle:binance:b%2Fc
        columns: { volume: "10x59 30 _x60 10x59 30" }
    expect:
      - { rule: spike, series: candle:binance:a, at: 1970-01-01T01:00:00Z }
      - { rule: busy, series: candle:binance:a, at: 60m }
      - { rule: busy, series: candle:binance:a, at: 3h1m }
      - { rule: spike, series: candle:binance:a, at: 2h61m }
  - name: a row that comes late takes an alert back
    every: 1m
    only: [jump]
    input:
      - series: candle:binance:a
        columns: { close: "100x3 _ 110 110x5" }
      - series: candle:binance:a
        delay: 90s
        columns: { close: "_x4 108" }
    expect:
      - { rule: jump, series: candle:binance:a, at: 5m }
      - { rule: jump, series: candle:binance:a, at: 5m, kind: correction }
      - { rule: jump, series: candle:binance:a, at: 4m }
  - name: steps alone, and one that a late row undoes
    only: [climbs]
    input:
      - series: candle:binance:a
        columns: { close: "1x4 _ 5 6 1x3" }
      - series: candle:binance:a
        delay: 90s
        columns: { close: "_x5 4" }
    expect:
      - { rule: climbs, series: candle:binance:a, at: 5m }
      - { rule: climbs, series: candle:binance:a, at: 6m }
      - { rule: climbs, series: candle:binance:a, at: 6m, kind: correction }
  - name: an incident from its first row to its last
    only: [dear]
    kinds: [firing, still, resolved]
    input:
      - series: candle:binance:a
        columns: { close: "100 1001 950 1001+1x3 899 100x3" }
    expect:
      - { rule: dear, series: candle:binance:a, at: 4m, kind: still }
      - { rule: dear, series: candle:binance:a, at: 1m, kind: firing }
      - { rule: dear, series: candle:binance:a, at: 7m, kind: resolved }
  - name: an incident that comes and goes, and then stays
    only: [swing]
    kinds: [firing, still, resolved, flapping]
    input:
      - series: candle:binance:a
        columns: { close: "100 1001 100 1001 100 1001 100x10 1001x12 100" }
    expect:
      - { rule: swing, series: candle:binance:a, at: 1m, kind: firing }
      - { rule: swing, series: candle:binance:a, at: 2m, kind: resolved }
      - { rule: swing, series: candle:binance:a, at: 3m, kind: firing }
      - { rule: swing, series: candle:binance:a, at: 4m, kind: flapping }
      - { rule: swing, series: candle:binance:a, at: 16m, kind: resolved }
      - { rule: swing, series: candle:binance:a, at: 17m, kind: firing }
      - { rule: swing, series: candle:binance:a, at: 30m, kind: resolved }
"""

# Silence is longer than 10m, by receipt, while the clock goes on: through steps without a row, and
# until the end. A row that comes with a tick comes first.
SILENT = """
config: config.yaml
tests:
  - name: a silence, its end, and one at the end
    start: 2024-01-01T00:00:00Z
    only: [quiet]
    kinds: [nodata, data]
    until: 31m1s
    input:
      - series: candle:binance:a
        columns: { close: "1 _x10 1x10" }
      - series: candle:binance:b
        columns: { close: "1 _x9 1x11" }
      - series: candle:binance:late
        delay: 30s
        columns: { close: "1 _x19 1" }
    expect:
      - { rule: quiet, series: candle:binance:a, at: 0s, kind: nodata }
      - { rule: quiet, series: candle:binance:a, at: 11m, kind: data }
      - { rule: quiet, series: candle:binance:a, at: 21m, kind: nodata }
      - { rule: quiet, series: candle:binance:b, at: 21m, kind: nodata }
      - { rule: quiet, series: candle:binance:late, at: 0s, kind: nodata }
      - { rule: quiet, series: candle:binance:late, at: 20m, kind: data }
      - { rule: quiet, series: candle:binance:late, at: 20m, kind: nodata }
  - name: without a row more, at the last step
    only: [quiet]
    kinds: [nodata, data, firing]
    input:
      - series: candle:binance:a
        columns: { close: "1 _x11" }
    expect:
      - { rule: quiet, series: candle:binance:a, at: 0s, kind: nodata }
  - name: not a moment before
    only: [quiet]
    kinds: [nodata, data]
    until: 10m
    input:
      - series: candle:binance:a
        columns: { close: "1" }
    expect: []
  - name: what is looked at if nothing is said
    only: [quiet]
    until: 1970-01-02T00:00:00Z
    input:
      - series: candle:binance:a
        columns: { close: "1" }
    expect: []
"""

FAILING = """
config: config.yaml
tests:
  - name: what is expected, and what comes
    input:
      - series: candle:binance:a
        columns: { volume: "10x59 35 10", close: "100x61" }
    expect:
      - { rule: spike, series: candle:binance:a, at: 61m }
      - { rule: busy, series: candle:binance:a, at: 1h }
      - { rule: busy, series: candle:binance:a, at: 1h }
  - name: passes
    only: [jump]
    input:
      - series: candle:binance:a
        columns: { volume: "10x59 35 10" }
    expect: []
"""

SAID = """\
failing.yaml:4: 'what is expected, and what comes' FAILED
  expected, but did not come:
    - { rule: busy, series: candle:binance:a, at: 1h }
    - { rule: spike, series: candle:binance:a, at: 1h1m }
  came, but was not expected:
    - { rule: spike, series: candle:binance:a, at: 1h }
      # volume > 3 * avg(volume) OVER last_1h
      #   close=100 volume=35 busy=3.5
      #   avg(volume) OVER last_1h = 10 (values: 60)
      #   the threshold is 30
failing.yaml: 1 of 2 tests failed
"""

# What is put for what, and what is said of it: at line:column, with these words.
MISTAKES = [
    ("only: [spike]", "onyl: [spike]", "7:5", "unknown key 'onyl'; there are: name start every"),
    ("only: [spike]", "only: [spikes]", "7:12", "'spikes' is no rule of the configuration"),
    ("only: [spike]", "only: []", "7:11", "names no rule"),
    ("only: [jump]", "only: [spike]", "33:17", "`only` leaves it out"),
    ("every: 1m", "every: 0s", "6:12", "more than nothing"),
    ("every: 1m", "every: often", "6:12", "expected a duration"),
    ("2024-01-01T00:00:00Z", "soon", "5:12", "expected a time"),
    ("candle:binance:BTCUSDT", "candle:BTCUSDT", "9:17", "keys: 1; table 'candle' has 2"),
    ("candle:binance:BTCUSDT", "trade:binance:BTCUSDT", "9:17", "no source"),
    ("b%2Fc", "b/c", "16:17", "is no series"),
    ("0.30001 _", "0.30001 -", "10:48", "'-': expected a value"),
    ("100x62", "100x61", "10:64", "62 values, but 'volume' has 63"),
    ("close: \"100x62", "busy: \"100x62", "10:56", "'busy' is no column of a source"),
    ("at: 60m", "at: 60", "20:53", "expected a duration from the start"),
    ("at: 60m", "when: 60m", "20:49", "unknown key 'when'"),
    (", at: 60m", "", "20:9", "'at' is missing"),
    ("kind: correction", "kind: fired", "34:63", "expected alert, correction, firing"),
    ("kind: correction", "kind: data", "34:63", "`kinds` leaves it out"),
    ("kind: correction", "kind: firing", "34:63", "`kinds` leaves it out"),
    ("kind: still", "kind: alert", "55:63", "`kinds` leaves it out"),
    ("kinds: [", "kinds: [alerts, ", "50:13", "expected alert, correction, firing"),
    ("kinds: [firing, still, resolved]", "kinds: firing", "50:12", "expected a list"),
    ("    expect: []\n", "", "4:5", "'expect' is missing"),
    ("only: [dear]", "until: 9m", "49:12", "before the last step"),
    ("only: [dear]", "until: later", "49:12", "expected a duration from the start"),
    ("delay: 90s", "delay: [90s]", "30:16", "expected a duration"),
    ("0.1x58", "0.1x2000000", "10:29", "more values"),
    ("0.1x58", "0.1234567890123456789", "10:29", "more than 18 digits"),
    ("every: 1m", "every: 90000h", "9:9", "beyond the year 2255"),
    ("config: config.yaml\n", "", "2:1", "'config' is missing"),
    ("tests:", "tests: [", "4:", ""),
]


def run(folder, *files):
    done = subprocess.run([PROGRAM, "test-rules", *files], capture_output=True, text=True,
                          timeout=120, cwd=folder)
    return done.returncode, done.stdout, done.stderr


def check_passing(folder):
    (folder / "good.yaml").write_text(GOOD)
    assert run(folder, "good.yaml") == (PASSED, "good.yaml: 6 tests passed\n", ""), \
        run(folder, "good.yaml")
    inside = folder / "inside"  # the configuration is where the file says, not where we stand
    inside.mkdir()
    (inside / "good.yaml").write_text(GOOD.replace("config.yaml", "../config.yaml"))
    assert run(folder, "inside/good.yaml")[0] == PASSED
    print("four tests pass: a tie, offsets and times, a row that comes late, an incident")


def check_silent(folder):
    (folder / "silent.yaml").write_text(SILENT)
    assert run(folder, "silent.yaml") == (PASSED, "silent.yaml: 4 tests passed\n", ""), \
        run(folder, "silent.yaml")
    for old, new in (("until: 31m1s", "until: 31m"),   # a and b are not silent yet
                     ("\"1 _x9 1x11\"", "\"1 _x9 _ 1x10\""),
                     ("until: 10m", "until: 601s")):
        assert old in SILENT
        (folder / "loud.yaml").write_text(SILENT.replace(old, new))
        code, out, _ = run(folder, "loud.yaml")
        assert code == FAILED and "kind: nodata }" in out and "1 of 4 tests failed" in out, out
    print("silences are told, at the second, and their ends")


def check_failing(folder):
    (folder / "failing.yaml").write_text(FAILING)
    code, out, err = run(folder, "failing.yaml")
    assert (code, err) == (FAILED, "") and out == SAID, out + err
    # The lines of what came can be put into the file as they are.
    came = out.split("not expected:\n")[1].split("failing.yaml:")[0]
    mended = FAILING.replace("      - { rule: spike, series: candle:binance:a, at: 61m }\n"
                             "      - { rule: busy, series: candle:binance:a, at: 1h }\n",
                             came.replace("    - ", "      - "), 1)
    (folder / "mended.yaml").write_text(mended)
    assert run(folder, "mended.yaml")[0] == PASSED, run(folder, "mended.yaml")
    code, out, _ = run(folder, "mended.yaml", "failing.yaml", "good.yaml")
    assert code == FAILED and out.startswith("mended.yaml: 2 tests passed\n") and \
        out.endswith("good.yaml: 6 tests passed\n"), out
    flood = FAILING.replace("35 10\"", "35+100x40\"").replace("100x61", "100x100")
    (folder / "flood.yaml").write_text(flood)
    code, out, _ = run(folder, "flood.yaml")
    assert code == FAILED and out.count("OVER last_1h =") <= 20, out
    assert re.search(r"# and \d+ more\n", out), out
    print("what differs is told, and can be put into the file")


def check_mistakes(folder):
    for old, new, place, words in MISTAKES:
        assert old in GOOD, old
        (folder / "bad.yaml").write_text(GOOD.replace(old, new, 1))
        code, out, err = run(folder, "bad.yaml")
        assert code == BAD and out == "" and err.startswith(f"bad.yaml:{place}") and words in err, \
            (new, place, code, out, err)
    code, _, err = run(folder, "none.yaml")
    assert code == BAD and err.startswith("none.yaml: cannot read it: No such file"), err
    (folder / "bad.yaml").write_text(GOOD.replace("config.yaml", "none.yaml"))
    code, _, err = run(folder, "bad.yaml")
    assert code == BAD and err.startswith("none.yaml: cannot read it"), err
    (folder / "wrong.yaml").write_text(CONFIG.replace("busy > 3", "bsy > 3"))
    (folder / "bad.yaml").write_text(GOOD.replace("config.yaml", "wrong.yaml"))
    code, _, err = run(folder, "bad.yaml")
    assert code == BAD and re.match(r"wrong\.yaml:\d+:\d+: .*bsy", err), err
    assert run(folder)[0] == USAGE and "FILE is missing" in run(folder)[2]
    code, _, err = run(folder, "good.yaml", "none.yaml")
    assert code == BAD, err
    print(f"{len(MISTAKES) + 4} mistakes, each at its place")


def check_against_backtest(folder):
    """The same rows from a file give the same alerts."""
    volumes = [10 + (i * 7) % 5 + (60 if i % 50 == 49 else 0) for i in range(400)]
    closes = [100 + (9 if i % 41 == 40 else 0) for i in range(400)]
    rows = [{"k": k, "t": 1_700_000_000 + 60 * i, "v": v, "c": c}
            for i, (v, c) in enumerate(zip(volumes, closes)) for k in ("a", "b")]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = folder / "rows.yaml"
    config.write_text(CONFIG.replace("/nowhere/*", f"{folder}/rows"))
    alerts = [a for a in backtest(config) if a.get("kind", "alert") in ("alert", "correction")]
    assert len(alerts) > 30, len(alerts)
    expected = "".join(f"      - {{ rule: {a['rule']}, series: {a['series']}, "
                       f"at: {a['ts'] // 1_000_000 - 1_700_000_000}s }}\n" for a in alerts)
    text = "config: rows.yaml\ntests:\n  - name: as a back-test\n    start: 2023-11-14T22:13:20Z\n" \
           "    input:\n"
    for k in ("a", "b"):
        text += f"      - series: candle:binance:{k}\n        columns:\n" \
                f"          volume: {' '.join(map(str, volumes))}\n" \
                f"          close: {' '.join(map(str, closes))}\n"
    (folder / "same.yaml").write_text(f"{text}    expect:\n{expected}")
    assert run(folder, "same.yaml")[0] == PASSED, run(folder, "same.yaml")[1]
    print(f"{len(alerts)} alerts, as the back-test has them")


def main():
    with tempfile.TemporaryDirectory(prefix="tw-", dir="/tmp") as name:
        folder = pathlib.Path(name)
        (folder / "config.yaml").write_text(CONFIG)
        check_passing(folder)
        check_silent(folder)
        check_failing(folder)
        check_mistakes(folder)
        check_against_backtest(folder)


if __name__ == "__main__":
    sys.exit(main())
