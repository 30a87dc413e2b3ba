"""The ready-made feeds: every line of the table in docs/feeds.md is true of the recorded answer it
names; every source of every feed is in that table or named there as not checked; `feed` lists and
shows them; `feed try` proposes a good mapping for each of those answers; the feeds' rules alert where their words
say, computed here with fractions; each feed passes `check` without a warning; `demo --feed` runs one against an exchange on
loopback, and says what is wrong where none answers.

The expected numbers were read from the recordings by Python's json and csv, not by us. Without the
recordings, which lie beside the project, the test checks the rest and says that it skipped them.
"""

import bisect
import collections
import csv
import datetime
import decimal
import fractions
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from harness import PROGRAM, SHARED, SKIPPED, TOP, backtest

DOCUMENT = TOP / "docs/feeds.md"
FOLDER = TOP / "docs/feeds"
BODIES = SHARED / "bodies"
FEEDS_LEAST = 25
ENVIRONMENT = {**os.environ, "OPENWEATHER_APPID": "secret"}

Line = collections.namedtuple("Line", "feed source answer kind rows quarantined values")


def feed(*words):
    return subprocess.run([PROGRAM, "feed", *map(str, words)], capture_output=True, text=True,
                          timeout=60, env=ENVIRONMENT)


def table(first, width):
    """The rows of the table whose head begins with these titles."""
    text = DOCUMENT.read_text()
    lines = text[text.index(f"| {first} "):].split("\n\n")[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows and all(len(row) == width for row in rows), f"{first}: a line of another width"
    return rows


def checked():
    return [Line(*row) for row in table("feed | source | answer", 7)]


def number(text):
    return None if text == "null" else decimal.Decimal(text)


def microseconds(text):
    seconds, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(seconds + "+00:00")
    return int(moment.timestamp()) * 1_000_000 + int((fraction + "000000")[:6])


def has(rows, value):
    """Is there a row as `series [@ time] column=number ...` says?"""
    head, *rest = re.split(r" (?=\w+=)", value)
    series, _, when = head.partition(" @ ")
    wanted = {name: number(text) for name, text in (pair.split("=") for pair in rest)}
    assert wanted, f"no columns in '{value}'"
    return any(row["series"] == series and (not when or row["ts"] == microseconds(when)) and
               all(row["columns"][name] == number for name, number in wanted.items())
               for row in rows)


def try_line(line):
    return feed("try", f"file://{BODIES}/{line.answer}", "--feed", line.feed, "--source",
                line.source, "--json", "--rows", 1_000_000)


def parse_rows(text):
    return [json.loads(row, parse_float=decimal.Decimal, parse_int=int)
            for row in text.splitlines()]


def rows_of(line):
    return parse_rows(try_line(line).stdout)


def check_line(line, kinds):
    run = try_line(line)
    rows = parse_rows(run.stdout)
    counted = re.search(r": (\d+) rows, (\d+) quarantined$", run.stderr.strip())
    assert counted, f"{line.answer}: {run.stderr}"
    assert (counted[1], counted[2]) == (line.rows, line.quarantined), f"{line}: {counted[0]}"
    assert len(rows) == int(line.rows), f"{line.answer}: {len(rows)} rows printed"
    assert run.returncode == (0 if rows else 1), f"{line.answer}: exit {run.returncode}"
    assert kinds[line.answer] == line.kind, f"{line.answer} is {kinds[line.answer]}"
    values = [value for value in line.values.split("; ") if value]
    assert len(values) == min(len(rows), 2), f"{line.answer}: {len(values)} values"
    for value in values:
        assert has(rows, value), f"{line.answer} has no row {value}"
    return len(rows)


def sources():
    """(feed, source) of every configuration."""
    return {(file.stem, name) for file in FOLDER.glob("*.yaml")
            for name in re.findall(r"^  - name: (\S+)", file.read_text(), re.M)}


def check_words():
    names = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    assert len(names) >= FEEDS_LEAST, names
    listed = feed("ls")
    assert listed.returncode == 0
    shown = [line.split()[0] for line in listed.stdout.splitlines()[1:]]
    assert shown == names, f"ls says {shown}"
    for name in names:
        text = (FOLDER / f"{name}.yaml").read_text()
        assert text.startswith("# "), f"{name} does not say what it is"
        assert text.count("\n    every: ") == text.count("\n  - name: "), f"{name}: how often?"
        run = feed("show", name)
        assert (run.returncode, run.stdout) == (0, text), f"show {name}: {run.stderr}"
        run = subprocess.run([PROGRAM, "check", "-c", str(FOLDER / f"{name}.yaml")],
                             capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
        assert run.returncode == 0, f"{name}: {run.stderr}"
        said = run.stderr.strip()
        assert not said or re.search(r": good \(", said) and "\n" not in said, f"{name}: {said}"
    run = feed("show", "no-such-feed")
    assert run.returncode == 1 and "feed ls" in run.stderr, run.stderr
    run = feed("try", "--feed", "no-such-feed")
    assert run.returncode == 1 and "feed ls" in run.stderr, run.stderr
    run = feed("try", "--feed", "kraken", "--source", "no-such-source")
    assert run.returncode == 2 and "no-such-source" in run.stderr, run.stderr
    return names


def check_coverage(lines):
    inside = {(line.feed, line.source) for line in lines}
    outside = {tuple(row) for row in table("without a recording", 2)}
    assert not inside & outside, f"both checked and not: {inside & outside}"
    assert inside | outside == sources(), f"differ: {(inside | outside) ^ sources()}"
    assert len({name for name, _ in inside}) >= FEEDS_LEAST, "too few feeds are checked"


def check_failures(folder):
    """What cannot be mapped says why, and is no success."""
    page = os.path.join(folder, "page.html")
    with open(page, "w") as file:
        file.write("<html>Just a moment...</html>")
    run = feed("try", f"file://{page}", "--feed", "kraken")
    assert run.returncode == 1 and "not JSON: starts with" in run.stderr, run.stderr
    run = feed("try", page)  # a path is as good as a URL
    assert run.returncode == 1 and "HTML or XML" in run.stderr, run.stderr
    run = feed("try", f"{folder}/nothing")
    assert run.returncode == 1 and "neither a URL nor a file" in run.stderr, run.stderr
    run = feed("try", f"file://{folder}/nothing", "--feed", "kraken")
    assert run.returncode == 1 and "No such file" in run.stderr, run.stderr
    run = feed("try", "ftp://example.org/x", "--feed", "kraken")
    assert run.returncode == 1 and "only file://" in run.stderr, run.stderr
    run = feed("try", "http://127.0.0.1:9/x", "--feed", "kraken")  # discard: nobody listens
    assert run.returncode == 1 and "127.0.0.1" in run.stderr, run.stderr


def source_of(line):
    """The block of one source in its feed."""
    text = (FOLDER / f"{line.feed}.yaml").read_text()
    return re.search(rf"^  - name: {line.source}\b.*?(?=^  - name: |^\w)", text, re.M | re.S)[0]


def rules_of(line, tabled):
    """Name, condition and min_rows of the rules on one table of a feed, and their text."""
    text = (FOLDER / f"{line.feed}.yaml").read_text().split("\nrules:\n")[1]
    for entry in re.findall(r"^  [\w-]+:.*\n(?:    .*\n)*", text, re.M):
        if re.search(rf"\bon: {tabled}\b", entry):
            least = re.search(r"min_rows: (\d+)", entry)
            yield (re.match(r"  ([\w-]+):", entry)[1], re.search(r'when: "(.*?)"', entry)[1],
                   int(least[1]) if least else 10, entry)


RATIO = re.compile(r"(\w+) > (\d+) \* avg\(\1\) OVER last_(\d+)([mh])")
MOVE = re.compile(r"abs\((\w+) - avg\(\1\) OVER last_(\d+)([mh])\) > ([\d.]+) \* "
                  r"avg\(\1\) OVER last_\2\3")


def verdicts(rows, when, least):
    """Times of the rows for which a condition holds, by the words of docs/rules.md; None: another
    form of condition."""
    ratio, move = RATIO.fullmatch(when), MOVE.fullmatch(when)
    if not ratio and not move:
        return None
    name, span, unit = ratio.group(1, 3, 4) if ratio else move.group(1, 2, 3)
    span_us = int(span) * {"m": 60, "h": 3600}[unit] * 1_000_000
    factor = fractions.Fraction(ratio[2] if ratio else move[4])
    found, by_series = [], collections.defaultdict(list)
    for row in rows:
        if row["columns"][name] is not None:
            by_series[row["series"]].append((row["ts"], fractions.Fraction(row["columns"][name])))
    for series, points in by_series.items():
        points.sort()
        times = [ts for ts, _ in points]
        for ts, value in points:
            window = [v for _, v in points[bisect.bisect_left(times, ts - span_us):
                                           bisect.bisect_left(times, ts)]]
            average = sum(window) / len(window) if window else 0
            if len(window) >= least and average > 0 and (
                    value > factor * average if ratio else
                    abs(value - average) > factor * average):
                found.append((series, ts))
    return sorted(found)


def check_rules(line, folder):
    """The alerts of a feed's rules over an answer are those that their words imply."""
    source = re.sub(r"url: .*", f"url: file://{BODIES}/{line.answer}", source_of(line))
    source = re.sub(r"    (every|query|body|allowance): .*\n", "", source)  # of http alone
    tabled = re.search(r"table: (\w+)", source)[1]
    rules = list(rules_of(line, tabled))
    file = os.path.join(folder, "rules.yaml")
    with open(file, "w") as out:
        out.write("sources:\n" + source + "rules:\n" + "".join(entry for *_, entry in rules))
    alerts = collections.defaultdict(list)
    for alert in backtest(file):
        alerts[alert["rule"]].append((alert["series"], alert["ts"]))
    rows = rows_of(line)
    count = 0
    for name, when, least, _ in rules:
        expected = verdicts(rows, when, least)
        if expected is not None:
            assert sorted(alerts[name]) == expected, f"{line.answer}: {name}"
            count += len(expected)
    return count


def check_quakes(folder):
    """A strong quake alerts once, however often it is revised and however late it is published; a
    swarm alerts once, by the number of quakes."""
    minute = 60_000
    start = 1_700_000_000_000

    def quake(name, when, magnitude):
        return {"id": name, "properties": {"time": when, "mag": magnitude},
                "geometry": {"coordinates": [1, 2, 3]}}

    answers = [(39, [quake("a", start, 4.9)]),
               (45, [quake("a", start, 5.1), quake("b", start - 20 * minute, 6)]),  # published late
               (45, [quake("a", start, 5.2), quake("b", start - 20 * minute, 6)]),  # revised
               (46, [quake("a", start + 300, 5.2), quake("c", start, 4.7)])]  # its time is mended
    for i, (count, quakes) in enumerate(answers):
        with open(os.path.join(folder, f"quakes-{i}.json"), "w") as out:
            json.dump({"metadata": {"generated": start + i * minute, "count": count},
                       "features": quakes}, out)
    text = (FOLDER / "usgs.yaml").read_text()
    text = re.sub(r"url: .*", f"url: file://{folder}/quakes-*.json", text)
    file = os.path.join(folder, "quakes.yaml")
    with open(file, "w") as out:
        out.write(re.sub(r"    every: .*\n", "", text))
    alerts = sorted((alert["rule"], alert["series"], alert["ts"]) for alert in backtest(file))
    assert alerts == [("quake-swarm", "quake_hour:usgs", (start + minute) * 1000),
                      ("strong-quake", "quake:usgs:a", start * 1000),
                      ("strong-quake", "quake:usgs:b", (start - 20 * minute) * 1000)], alerts


def check_proposal(url, folder):
    """What is proposed for an answer passes `check` and gives rows."""
    run = feed("try", url)
    assert run.returncode == 0, f"{url}: {run.stderr}"
    assert re.search(r"^series +time +\w", run.stderr, re.M), f"{url}: no rows are shown"
    rows = int(re.search(r": (\d+) rows, \d+ quarantined$", run.stderr, re.M)[1])
    assert rows > 0, f"{url}: {run.stderr}"
    assert run.stdout.startswith("# The shape of "), run.stdout
    file = os.path.join(folder, "proposed.yaml")
    with open(file, "w") as out:
        out.write(run.stdout)
    run = subprocess.run([PROGRAM, "check", "-c", file], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, f"{url}: {run.stdout}{run.stderr}"
    run = feed("try", "-c", file)
    assert run.returncode == 0, f"{url}: {run.stderr}"
    return rows


class Kraken:
    """Kraken's OHLC on loopback: each answer has one minute more, every fifth with a burst of volume.
    Its tickers are out of order."""

    MINUTES_BEFORE = 100  # of the first answer; all are in the past

    def __init__(self):
        self.answers = 0
        start = int(time.time()) // 60 * 60 - 60 * 1000
        kraken = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not self.path.startswith("/0/public/OHLC?pair=XBTUSD&interval=1"):
                    self.send_error(503)
                    return
                kraken.answers += 1
                candles = [[start + 60 * i, "100.0", "101.0", "99.0", "100.5", "100.2",
                            "50.0" if i % 5 == 0 else "1.0", 7]
                           for i in range(kraken.MINUTES_BEFORE + kraken.answers)]
                body = json.dumps({"error": [], "result": {"XXBTZUSD": candles,
                                                           "last": candles[-2][0]}}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def demo(*words):
    return subprocess.run([PROGRAM, "demo", *words], capture_output=True, text=True, timeout=120,
                          env=ENVIRONMENT)


def check_demo(folder, names):
    for words in (["--feed"], ["--feed", "no-such-feed"]):
        run = demo(*words)
        assert run.returncode == 2, run
        assert all(re.search(rf"^{name} ", run.stderr, re.M) for name in names), run.stderr
    run = demo("--feed", "./no-such-file.yaml")
    assert run.returncode == 1 and "no-such-file.yaml" in run.stderr, run.stderr

    kraken = Kraken()
    assert check_proposal(f"{kraken.url}/0/public/OHLC?pair=XBTUSD&interval=1", folder) > 100
    kraken.answers = 0
    file = os.path.join(folder, "kraken.yaml")
    text = feed("show", "kraken").stdout.replace("every: 10s", "every: 200ms")
    with open(file, "w") as out:
        out.write(text.replace("https://api.kraken.com", "http://127.0.0.1:9"))
    run = demo("--feed", file, "--seconds", "3")
    assert run.returncode == 1, run
    assert "kraken-candles: " in run.stdout and "127.0.0.1" in run.stdout, run.stdout
    assert "https_proxy" in run.stderr and "Is there a network" in run.stderr, run.stderr
    with open(file, "w") as out:
        out.write(text.replace("https://api.kraken.com", kraken.url))
    run = demo("--feed", file, "--seconds", "8")
    assert run.returncode == 0, run
    assert "101 rows, 0 quarantined" in run.stdout, run.stdout
    assert "kraken-ticker: HTTP status 503" in run.stdout, run.stdout
    assert "kraken-volume: volume > 3 * avg(volume) OVER last_1h" in run.stdout, run.stdout
    found = re.findall(r"kraken-volume  candle:kraken:XXBTZUSD  .*volume 50", run.stdout)
    assert found, f"no alert from the feed:\n{run.stdout}\n{run.stderr}"
    return len(found)


def main():
    names, lines = check_words(), checked()
    check_coverage(lines)
    with tempfile.TemporaryDirectory(prefix="tw-feeds-") as folder:
        check_failures(folder)
        check_quakes(folder)
        print(f"demo --feed: {check_demo(folder, names)} alerts of a Kraken on loopback")
    if not (BODIES / "MANIFEST.tsv").is_file():
        print(f"SKIPPED: no recorded answers at {BODIES}; {len(lines)} lines were not checked")
        return SKIPPED
    with open(BODIES / "MANIFEST.tsv", newline="") as manifest:
        kinds = {row["file"]: row["kind"] for row in csv.DictReader(manifest, delimiter="\t")}
    rows = sum(check_line(line, kinds) for line in lines)
    with tempfile.TemporaryDirectory(prefix="tw-feeds-") as folder:
        answers = sorted({line.answer for line in lines if int(line.rows) > 0})
        alerts = sum(check_rules(line, folder) for line in lines
                     if int(line.rows) >= 50 and " @ " in line.values)
        assert alerts > 0, "no rule of any feed holds anywhere"
        proposed = sum(check_proposal(f"file://{BODIES}/{answer}", folder) for answer in answers)
    print(f"{alerts} alerts of the feeds' own rules, as their words imply")
    print(f"feed try: {len(answers)} proposals pass check and give {proposed} rows")
    print(f"{len(names)} feeds, {len(lines)} recorded answers, {rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
