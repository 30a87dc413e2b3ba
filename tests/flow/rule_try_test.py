"""`rule try` tells what a rule would have done before it is saved: its counts are those of a
back-test with that rule in the configuration."""

import collections
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from harness import PROGRAM, Instance, Pusher, backtest, free_port

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: candles
    url: URL
    format: jsonl
    rows: ""
    table: candle
    key: { pair: /k }
    time: { at: /t, unit: s }
    columns: { close: /c, volume: /v }
rules:
  other: { on: candle, when: "close > 0", min_rows: 0 }
"""
SPIKE = "volume > 3 * avg(volume) OVER last_1h"
TWO_TABLES = CONFIG.replace("rules:", """  - name: more
    url: file:///nowhere/*.json
    table: more
    key: { pair: /k }
    time: { at: /t, unit: s }
    columns: { x: /x }
rules:""")
START, DAY = 1_700_000_000, 86_400


def rows():
    dice = random.Random(11)
    for minute in range(0, 4 * DAY, 300):
        for k in ("a", "b/c", "quiet"):
            loud = k != "quiet" and dice.random() < 0.04
            yield {"k": k, "t": START + minute, "c": dice.randrange(90, 110),
                   "v": 100 if loud else dice.randrange(5, 9)}


def tried(config, *words):
    run = subprocess.run([PROGRAM, "rule", "-c", str(config), "try", *words],
                         capture_output=True, text=True, timeout=120)
    return run.returncode, run.stdout, run.stderr


def tables(text):
    """The two tables, as dictionaries from their first cell."""
    found = []
    for line in text.splitlines():
        cells = line.split()
        if cells[:1] in (["SERIES"], ["DAY"]):
            found.append({})
        elif found and cells:
            found[-1][cells[0]] = cells[1:]
    return found


def as_time(us):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1_000_000))


def check_counts(config, folder):
    with_rule = folder / "with.yaml"
    with_rule.write_text(config.read_text().replace(
        "other: {", f'spike: {{ on: candle, when: "{SPIKE}" }}\n  other: {{'))
    alerts = [a for a in backtest(with_rule) if a["rule"] == "spike"]
    assert len(alerts) > 50
    code, text, _ = tried(config, SPIKE)
    assert code == 0 and text.startswith(f"{len(alerts)} alerts on 2 of 3 series, from "), text
    assert "were not judged" in text, text
    series, days = tables(text)
    by_series = collections.defaultdict(list)
    for alert in alerts:
        by_series[alert["series"]].append(alert["ts"])
    assert series == {s: [str(len(t)), as_time(min(t)), as_time(max(t))]
                      for s, t in by_series.items()}, (series, by_series)
    by_day = collections.Counter(as_time(a["ts"])[:10] for a in alerts)
    assert days == {day: [str(count)] for day, count in by_day.items()}, (days, by_day)

    since = START * 1_000_000 + 2 * DAY * 1_000_000
    late = [a for a in alerts if a["ts"] >= since]
    code, text, _ = tried(config, SPIKE, "--since", as_time(since))
    assert code == 0 and text.startswith(f"{len(late)} alerts on "), text
    code, text, _ = tried(config, SPIKE, "--since", "1h")  # all of it is older
    assert code == 0 and text.startswith("0 alerts on 0 of 3 series since 20"), text
    code, text, _ = tried(config, "on", "candle", "when", SPIKE, "min_rows", "5000")
    assert code == 0 and text.startswith("0 alerts"), text
    print(f"{len(alerts)} alerts, as the back-test has them")


def check_flood(config, folder):
    code, text, _ = tried(config, "close > 0", "min_rows", "0")
    assert code == 0 and "most in a minute: 3, at" in text and "flood" not in text, text
    many = folder / "many.jsonl"
    many.write_text("".join(json.dumps({"k": f"s{i}", "t": START + i % 50, "c": 1, "v": 1}) + "\n"
                            for i in range(150)))
    loud = folder / "loud.yaml"
    loud.write_text(CONFIG.replace("URL", f"file://{many}"))
    code, text, _ = tried(loud, "close > 0", "min_rows", "0")
    assert code == 0 and "a flood" in text and "... and 130 series more" in text, text


def check_refusals(config, folder):
    code, _, err = tried(config, "volum > 3")
    assert code == 78 and 'column "volum" does not exist' in err, err
    assert tried(config)[0] == 2
    assert tried(config, SPIKE, "--since", "lately")[0] == 2
    two = folder / "two.yaml"
    two.write_text(TWO_TABLES.replace("URL", "file:///nowhere/*.jsonl"))
    code, _, err = tried(two, SPIKE)
    assert code == 2 and "on TABLE" in err, err
    missing = folder / "missing.yaml"
    missing.write_text(CONFIG.replace("URL", "file:///nowhere/none.jsonl"))
    code, _, err = tried(missing, SPIKE)
    assert code == 1 and "none.jsonl" in err, err
    print("what cannot be tried is refused")


HISTORY = """
  - name: history
    url: file:///DIR/history.jsonl
    format: jsonl
    rows: ""
    table: candle
    key: { pair: /k }
    time: { at: /t, unit: s }
    columns: { close: /c, volume: /v }
"""


def check_history(instance, given, config):
    """Files come before what was staged, and fill its windows: it is one stream, as it is live."""
    whole = tried(config, SPIKE)[1].split(",")[0]
    file = instance.dir / "history.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in given))
    both = instance.dir / "both.yaml"
    both.write_text(instance.config.read_text().replace(
        "\nrules:", HISTORY.replace("/DIR", str(instance.dir)) + "\nrules:"))
    code, text, err = tried(both, "--dir", str(instance.dir), SPIKE)
    assert code == 0 and text.startswith(f"{whole}, from 3456 rows"), (whole, text, err)


def check_staged(whole):
    """Of what runs: over what is staged, with what `up` was given."""
    port = free_port()
    config = CONFIG.replace("URL", f"push://tcp://127.0.0.1:{port}").replace(
        '    format: jsonl\n    rows: ""\n', "")
    for place in ("/t", "/c", "/v"):
        config = config.replace(f" {place}", f" {place[1]}")
    with Instance(config) as instance:
        instance.up()
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "candles")
        given = list(rows())
        first, given = given[:1200], given[1200:]
        pusher.send({c: [row[c] for row in given] for c in "ktcv"})
        pusher.settle()
        pusher.close()
        text = instance.word("rule", "try", SPIKE).stdout
        assert f" alerts on 2 of 3 series, from {len(given)} rows" in text, text
        check_history(instance, first, whole)
        instance.word("rule", "list")
    print("over what was staged")


def main():
    with tempfile.TemporaryDirectory(prefix="tw-", dir="/tmp") as name:
        folder = pathlib.Path(name)
        (folder / "candles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
        config = folder / "config.yaml"
        config.write_text(CONFIG.replace("URL", f"file://{folder}/candles.jsonl"))
        check_counts(config, folder)
        check_flood(config, folder)
        check_refusals(config, folder)
        check_staged(config)


if __name__ == "__main__":
    sys.exit(main())
