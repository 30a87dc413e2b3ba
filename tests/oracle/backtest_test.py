"""`tidewire backtest --json` against PostgreSQL 15: alerts minus corrections, row for row.

PostgreSQL runs `tidewire rule sql` verbatim over the same rows, which our own reader (feed.py) has
taken from the original files. Made data always; recorded series (../shared/data) where they are.
Then the command itself: order, --from and --to, exit codes, and the CPU that it takes.
"""
import collections
import concurrent.futures
import decimal
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import traceback

import backtest_rules
import backtest_words
from feed import series_id, time_text
from made import long, made
from postgres import Postgres, available
from recorded import SERIES, arrays, recorded

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("TIDEWIRE", str(TOP / "build/release/tidewire"))
UNCLOSED_MOST = 0.05  # of the rows of a feed with lateness: those are compared with nothing
NEAR = 1e-9  # floating point may decide otherwise if the two sides are so close to each other
CPU_SECONDS_MOST = 1.0
EVIDENCE = "evidence of spike"
ALERT_FIELDS = ["id", "rule", "series", "ts", "severity", "columns", "evidence"]
# Of corrections, of alerts that came late, and of those whose windows may stand still.
FIELDS_MORE = {"kind", "corrects", "late", "frozen"}
RULES = {"candle": backtest_rules.CANDLES, "trade": backtest_rules.TAPES}


def config_text(feed, rules):
    """JSON is YAML."""
    return json.dumps({
        **feed.settings,
        "sources": [{"name": "feed", "table": feed.table, **feed.source}],
        "derive": {name: columns for name, columns in backtest_rules.DERIVED.items()
                   if name == feed.table},
        "rules": {name: {"on": feed.table, "when": rule.when, "alerts_max": "0", **rule.options}
                  for name, rule in rules.items()}}, indent=1)


def tidewire(*words):
    return subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, timeout=300)


class Sql:
    """`rule sql` of every rule, asked once per table and set of rules."""

    def __init__(self):
        self.known = {}

    def of(self, feed, rules, config):
        found = {}
        for name, rule in rules.items():
            key = (feed.table, feed.key_names, feed.columns, rule.when, str(rule.options))
            if key not in self.known:
                done = tidewire("rule", "sql", name, "-c", config)
                assert done.returncode == 0, f"rule sql {name}: {done.stderr}"
                self.known[key] = done.stdout
            found[name] = self.known[key]
        return found


def create(sql):
    """The comment of `rule sql` that creates the table."""
    return re.search(r"^-- (CREATE TABLE .*;)$", sql, re.M).group(1)


def session(feed, sql):
    """One psql session: the table, its rows, then every query after a line with its name."""
    columns = ", ".join([*feed.key_names, "ts", "n", *feed.columns])
    yield f"SET search_path = pg_temp;\n{create(next(iter(sql.values())))}\n"
    yield f"COPY {feed.table} ({columns}) FROM STDIN;\n"
    for row in feed.table_rows():
        yield "\t".join("\\N" if cell is None else str(cell) for cell in row) + "\n"
    keys = ", ".join([*feed.key_names, "ts", "n"])
    yield f"\\.\nCREATE INDEX ON {feed.table} ({keys});\nANALYZE {feed.table};\n"
    for name, query in sql.items():
        yield f"\\echo == {name}\n{query}\n"


def ask(db, feed, sql):
    """{name: [cells of a row]} of every query."""
    found, name = collections.defaultdict(list), None
    for line in db.run("".join(session(feed, sql))).splitlines():
        if line.startswith("== "):
            name = line[3:]
        else:
            found[name].append(tuple(line.split("\t")))
    return found


def near(db, feed, rule, sql, rows):
    """Which of these rows have both sides of the rule within NEAR of each other?"""
    windows = re.search(r"\n  (WINDOW .*)\n\) x WHERE f", sql, re.S)
    keys = ", ".join(feed.key_names)
    left, right = rule.sides
    query = (f"-- {create(sql)}\nSELECT ts, {keys}, ({left})::float8, ({right})::float8 "
             f"FROM {feed.table} {windows.group(1) if windows else ''};")
    close = set()
    for *row, a, b in ask(db, feed, {"sides": query})["sides"]:
        if tuple(row) in rows and "\\N" not in (a, b) and \
                abs(float(a) - float(b)) <= NEAR * max(abs(float(a)), abs(float(b))):
            close.add(tuple(row))
    return close


def evidence_query(sql):
    """What the rule `spike` says it has seen, beside the rows that it finds."""
    return sql.replace("SELECT ts, ", "SELECT c, s, ts, ", 1).replace(
        "SELECT *,", "SELECT *, count(volume) OVER last_1h AS c, sum(volume) OVER last_1h AS s,", 1)


class Alerts:
    """What a back-test printed: checked by itself, then by rule."""

    def __init__(self, feed, rules, config):
        done = tidewire("backtest", "-c", config, "--json")
        self.faults = []
        if done.returncode:
            raise AssertionError(f"backtest ended with {done.returncode}: {done.stderr[:500]}")
        self.lines = [json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
                      for line in done.stdout.splitlines()]
        self._counts(feed, done.stderr)
        self._order()
        self._columns(feed, rules)
        keys = {series_id(feed.table, keys): keys for keys in feed.series()}
        self.by_rule = {name: [] for name in rules}
        self.evidence = {}
        corrected = self._corrected()
        for line in self.lines:
            if line["id"] in corrected or "corrects" in line:
                continue
            row = (time_text(int(line["ts"])), *keys[line["series"]])
            self.by_rule[line["rule"]].append(row)
            # What an alert on arrival had seen may have changed since.
            if line["rule"] == "spike" and ("late" in line or not feed.lateness_us):
                self.evidence[row] = line["evidence"]

    def _corrected(self):
        """Ids of alerts that do not stand; each correction is of one that was there."""
        alerts = {line["id"]: line for line in self.lines if "corrects" not in line}
        corrections = [line for line in self.lines if "corrects" in line]
        for line in corrections:
            alert = alerts.get(line["corrects"])
            if line["kind"] != "correction" or alert is None or \
                    any(line[name] != alert[name] for name in ("rule", "series", "ts")):
                self.faults.append(f"corrects nothing: {line}")
        corrected = {line["corrects"] for line in corrections}
        if len(corrected) != len(corrections):
            self.faults.append("an alert is corrected twice")
        self.corrections = len(corrections)
        return corrected

    def _counts(self, feed, said):
        """The last line on stderr counts rows as our own reader does."""
        corrections = sum("corrects" in line for line in self.lines)
        mine = (f"{feed.offered()} rows ({feed.late} late, {feed.duplicates} duplicates, "
                f"{feed.revisions} revisions), 0 quarantined, {len(feed.series())} series, "
                f"{len(self.lines) - corrections} alerts" +
                (f", {corrections} corrections" if corrections else ""))
        if said.strip().splitlines()[-1:] != [mine]:
            self.faults.append(f"counts: ours {said.strip()[-300:]!r}, expected {mine!r}")

    def _order(self):
        order = [(line["ts"], line["rule"], line["series"], line["id"]) for line in self.lines]
        if order != sorted(order):
            self.faults.append("alerts are not sorted by (ts, rule, series, id)")
        if len({line["id"] for line in self.lines}) != len(self.lines):
            self.faults.append("an id occurs twice")

    def _columns(self, feed, rules):
        """Every alert carries the numbers of a row of that series and time."""
        wanted = {(line["series"], line["ts"]) for line in self.lines}
        rows = collections.defaultdict(set)
        names = {keys: series_id(feed.table, keys) for keys in feed.series()}
        for row in [*feed.rows, *feed.past]:
            place = (names[row.keys], row.us)
            if place in wanted:
                rows[place].add(tuple(None if text is None else decimal.Decimal(text)
                                      for text in row.values))
        for line in self.lines:
            values = tuple(line["columns"].get(name) for name in feed.columns)
            fields = [name for name in line if name not in FIELDS_MORE]
            if fields != ALERT_FIELDS or values not in rows[line["series"], line["ts"]]:
                self.faults.append(f"not what the row holds: {line}")
                return
            if "frozen" in line and rules[line["rule"]].options.get("freeze") != "true":
                self.faults.append(f"its rule does not freeze: {line}")
                return


    def check_evidence(self, found):
        """Against rows of evidence_query(): the average, exact, and what it is made of."""
        for count, total, *row in found:
            said = self.evidence.get(tuple(row))
            if said is None:
                continue  # the comparison of rows tells
            count, total = decimal.Decimal(count), decimal.Decimal(total)
            want = {"expr": "avg(volume)", "window": "last_1h", "rows": count, "exact": True}
            near = abs(said[0]["avg"] * count - total) <= abs(total) * decimal.Decimal("1e-17")
            if len(said) != 1 or {name: said[0][name] for name in want} != want or \
                    said[0]["sum"] != total or not near:
                self.faults.append(f"evidence at {row}: {said}, expected {count} rows, sum {total}")
                return


class Comparison:
    def __init__(self, db, folder):
        self.db, self.folder, self.sql = db, folder, Sql()
        self.series = self.pairs = self.rows = self.alerts = self.differences = self.forgiven = 0
        self.corrections = self.late = 0
        self.rule_alerts = collections.Counter()
        self.rule_names = set()

    def compare(self, number, feed, rules):
        """Lines for the table, and what is wrong."""
        config = self.folder / f"{number}.yaml"
        config.write_text(config_text(feed, rules))
        ours = Alerts(feed, rules, config)
        sql = self.sql.of(feed, rules, config)
        extra = {EVIDENCE: evidence_query(sql["spike"])} if "spike" in sql else {}
        theirs = ask(self.db, feed, sql | extra)
        ours.check_evidence(theirs[EVIDENCE])
        wrong, different, forgiven = [f"  {fault}" for fault in ours.faults], len(ours.faults), 0
        counts, unclosed = {}, feed.unclosed()
        if feed.lateness_us:
            idle = list(self._idle(feed, ours, unclosed))
            wrong += [f"  proves nothing: {text}" for text in idle]
            different += len(idle)
        for name, rule in rules.items():
            expected, found = (collections.Counter(row for row in rows if row not in unclosed)
                               for rows in (theirs[name], ours.by_rule[name]))
            counts[name] = found.total()
            if expected == found:
                continue
            apart = (expected - found) + (found - expected)
            close = near(self.db, feed, rule, sql[name], set(apart)) if rule.sides else set()
            forgiven += sum(count for row, count in apart.items() if row in close)
            left = [row for row in apart if row not in close]
            different += sum(apart[row] for row in left)
            if left:
                wrong.append(f"  {name}: {rule.when}\n    ours {found.total()}, PostgreSQL "
                             f"{expected.total()}, only ours {sorted((found - expected))[:3]}, only "
                             f"PostgreSQL {sorted((expected - found))[:3]}")
        return feed, ours, counts, different, forgiven, wrong

    @staticmethod
    def _idle(feed, ours, unclosed):
        """What of lateness this feed does not put to the test."""
        late = sum("late" in line for line in ours.lines)
        open_rows = sum((time_text(row.us), *row.keys) in unclosed for row in feed.rows)
        if not ours.corrections or not late:
            yield f"{ours.corrections} corrections, {late} alerts that came late"
        if not feed.late:
            yield "no row came too late"
        if open_rows >= UNCLOSED_MOST * len(feed.rows):
            yield f"{open_rows} of {len(feed.rows)} rows were never closed"

    def note(self, feed, ours, counts, different, forgiven, wrong):
        self.corrections += ours.corrections
        self.late += sum("late" in line for line in ours.lines)
        self.series += len(feed.series())
        self.pairs += len(counts) * len(feed.series())
        self.rows += len(feed.rows)
        self.alerts += sum(counts.values())
        self.differences += different
        self.forgiven += forgiven
        self.rule_names |= set(counts)
        for name, count in counts.items():
            self.rule_alerts[feed.name.split(":")[0] == "made", feed.table, name] += count
        print(f"{feed.name:<44} {len(feed.series()):>6} {len(counts):>5} {len(feed.rows):>8} "
              f"{sum(counts.values()):>8} {forgiven:>6} {different:>6}")
        for line in wrong:
            print(line)
        sys.stdout.flush()

    def unheard(self):
        """Rules that found nothing anywhere compare nothing."""
        return [name for name, count in self.rule_alerts.items() if count == 0]


def compare_all(db, folder, seed):
    """Two at a time: while PostgreSQL is busy with one, the other is read."""
    self = Comparison(db, folder)
    files = sorted(recorded(folder), key=lambda file: -file[1])
    work = [(lambda feed=feed: feed, backtest_rules.MADE) for feed in made(folder, seed)]
    work += [(make, RULES[table]) for table, _, make in files]
    print(f"{'feed':<44} {'series':>6} {'rules':>5} {'rows':>8} {'alerts':>8} {'close':>6} {'differ':>6}")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(lambda number, make, rules: self.compare(number, make(), rules),
                             number, make, rules) for number, (make, rules) in enumerate(work)]
        for task in tasks:
            try:
                self.note(*task.result())
            except Exception:
                self.differences += 1
                traceback.print_exc(file=sys.stdout)
    return self, len(files)


def clock(folder):
    """User and system CPU of a back-test of the longest candle file, the best of three."""
    path = SERIES / "binance_BTCUSDT_1m_2023-03.json.gz"
    source = arrays(path)[0] if path.exists() else long(folder)
    config = folder / "clock.yaml"
    config.write_text(json.dumps({
        "sources": [{"table": "candle", **source}],
        "rules": {"spike": {"on": "candle", "when": "volume > 3 * avg(volume) OVER last_1h"}}}))
    taken = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = tidewire("backtest", "-c", config, "--json")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0 and "66087 rows" in done.stderr, done.stderr
        taken.append((after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime))
    user, system = min(taken, key=sum)
    print(f"66087 candles from file to alerts: {user:.3f} s user, {system:.3f} s system CPU")
    return user + system < CPU_SECONDS_MOST


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    failures = 0
    with tempfile.TemporaryDirectory(prefix="tw-oracle-") as name:
        folder = pathlib.Path(name)
        failures += not clock(folder)
        failures += backtest_words.check(PROGRAM, folder)
        if not available():
            print("PostgreSQL 15 is not installed: NOTHING WAS COMPARED", file=sys.stderr)
            return 1 if failures else 77
        with Postgres() as db:
            compared, files = compare_all(db, folder, seed)
    for made_data, table, rule in compared.unheard():
        if made_data or files:
            print(f"never true anywhere: {rule} ({table}, {'made' if made_data else 'recorded'})")
            failures += 1
    if not files:
        print(f"RECORDED SERIES ARE NOT HERE ({SERIES}): only made data was compared")
    print(f"within {NEAR:g} of the threshold and decided otherwise in floating point: "
          f"{compared.forgiven}")
    print(f"compared: {compared.series} series x {len(compared.rule_names)} rules = "
          f"{compared.pairs} pairs, {compared.alerts} alerts, {compared.differences} differences")
    print(f"on the way {compared.corrections} corrections and {compared.late} alerts that came late")
    return 1 if failures or compared.differences else 0


if __name__ == "__main__":
    sys.exit(main())
