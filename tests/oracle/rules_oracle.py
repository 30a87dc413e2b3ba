"""The rule language against PostgreSQL 15: what it accepts, what it refuses and in which words,
and that `rule sql`, run verbatim, returns the very rows for which our evaluation says true.

Usage: rules_oracle.py ORACLE-TEST [SEED [RANDOM-RULES]]      (started by the unit test oracle_test)
"""
import datetime
import pathlib
import random
import re
import subprocess
import sys
import time

import rules_corpus as corpus
from postgres import MISSING, Postgres, PostgresError, available
from random_rules import RandomRules

KEYS = ["exchange", "pair"]
COLUMNS = ["open", "high", "low", "close", "volume"]
START_US = 1677628800 * 10**6  # 2023-03-01
ROWS = 420
STEP_RULES_LEAST = 50
STEPS = "-steps"  # after the name of a rule: the same by edge


class Answers:
    """The other side: our compiler, printer and evaluation behind a pipe."""

    def __init__(self, program):
        self.process = subprocess.Popen([program, "answer"], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE)

    def tell(self, *fields):
        self.process.stdin.write("\t".join(str(field).replace("\n", "\\n") for field in fields))
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def lines(self):
        """Up to the line that is only a dot."""
        found = []
        for line in self.process.stdout:
            if line == ".\n":
                return found
            found.append(line.rstrip("\n"))
        raise EOFError("oracle_test ended")

    def compile(self):
        """{name: (place, text)} of what was refused."""
        self.tell("compile")
        return {fields[1]: (fields[2], fields[3])
                for fields in (line.split("\t") for line in self.lines())}

    def sql(self, name):
        self.tell("sql", name)
        return "\n".join(self.lines())

    def judge(self, name):
        self.tell("judge", name)
        return [int(word) for word in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def time_text(us):
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f").rstrip("0").rstrip(".")


def make_rows(rng):
    """Rows with ties, NULLs, equal times, a glitch, and values of many sizes."""
    rows, us = [], START_US
    for n in range(ROWS):
        us += rng.choice([0, 1, 500_000, 30_000_000, 60_000_000, 60_000_000, 300_000_000])
        price = 95 + rng.randrange(0, 101) / 10
        values = [f"{price + rng.randrange(-20, 21) / 10:.1f}" for _ in range(4)]
        volume = rng.choice([str(rng.randrange(0, 11)), f"{rng.randrange(0, 1000) / 100}"])
        values.append(volume)
        if n == ROWS // 2:
            values[4] = "100000000000000000"
        if n % 97 == 50:
            values[3] = "0.000000000000000001"
        values = [None if rng.random() < 0.05 else value for value in values]
        rows.append([rng.choice(["kraken", "bitstamp"]), rng.choice(["XBT/USD", "ETH%EUR"]), us, n]
                    + values)
    for i in range(60):  # a tie: 59 points of 0.1, then 0.3, which is 3 times their average
        us += 60_000_000
        rows.append(["kraken", "TIE/USD", us, ROWS + i, "1", "1", "1", "1", "0.3" if i == 59 else "0.1"])
    return rows


def windows(text):
    """Definitions of the windows that a condition names."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    found = []
    for name in sorted(set(re.findall(r"\b(?:last_\d+[smhd]|rows_\d+)\b", text))):
        head = f"{name} AS (PARTITION BY exchange, pair ORDER BY ts"
        if name.startswith("rows_"):
            found.append(f"{head}, n ROWS BETWEEN {name[5:]} PRECEDING AND 1 PRECEDING)")
        else:
            found.append(f"{head} RANGE BETWEEN INTERVAL '{name[5:-1]} {units[name[-1]]}' "
                         "PRECEDING AND INTERVAL '1 microsecond' PRECEDING)")
    return " WINDOW " + ", ".join(found) if found else ""


def raw_query(text):
    """The condition as written, for PostgreSQL to accept or refuse: planned, not run."""
    return (f"EXPLAIN SELECT ts FROM (SELECT *, ({text}\n) AS f FROM candle{windows(text)}) x "
            "WHERE f;")


# Arithmetic that fails when it runs (or is folded): NULL in our language.
RUNTIME = re.compile("division by zero|out of range|overflow|square root of a negative|logarithm "
                     "of|zero raised to a negative|complex result")


def runtime(error):
    return error and RUNTIME.search(error.message)


# What PostgreSQL rounds where we do not: quotients, and doubles where an argument is whole.
ROUNDED = re.compile(r"/|avg|floor|ceil|round|sign|power|\^|sqrt|ln|exp|std|var|corr|regr")


# Aggregates that PostgreSQL has not: the plainest form there is, and for those that look at times
# or at N one of the same type, so that it can say what it takes and what it does not.
OURS_TOO = """
CREATE FUNCTION delta_of(numeric[]) RETURNS numeric IMMUTABLE LANGUAGE sql AS
    'SELECT a[array_length(a, 1)] - a[1] FROM array_remove($1, NULL) a';
CREATE AGGREGATE delta(numeric) (sfunc = array_append, stype = numeric[], finalfunc = delta_of);
CREATE FUNCTION median_of(numeric[]) RETURNS numeric IMMUTABLE LANGUAGE sql AS
    'SELECT (a[(array_length(a, 1) + 1) / 2] + a[array_length(a, 1) / 2 + 1]) * 0.5
     FROM (SELECT array_agg(x ORDER BY x) FROM unnest($1) x WHERE x IS NOT NULL) s(a)';
CREATE AGGREGATE median(numeric) (sfunc = array_append, stype = numeric[], finalfunc = median_of);
CREATE AGGREGATE rate(numeric) (sfunc = array_append, stype = numeric[], finalfunc = delta_of);
CREATE AGGREGATE twavg(numeric) (sfunc = array_append, stype = numeric[], finalfunc = delta_of);
CREATE AGGREGATE ema(numeric) (sfunc = array_append, stype = numeric[], finalfunc = delta_of);
"""
TIMED = re.compile(r"\b(?:rate|twavg|ema)\(")

DERIVED = re.compile("|".join(corpus.DERIVED))


class Oracle:
    def __init__(self, program, seed):
        self.rng = random.Random(seed)
        self.answers = Answers(program)
        self.rows = make_rows(self.rng)
        self.failures = []
        self.rounded = []
        self.compared = self.alerts = self.raw = self.failing = self.questions = 0
        self.steps = self.step_rules = 0

    def fail(self, *words):
        self.failures.append(" ".join(str(word) for word in words))
        print("FAILED", *words)

    def load(self, db):
        db.run("CREATE TABLE candle (exchange text, pair text, ts timestamp, n bigint, open "
               "numeric, high numeric, low numeric, close numeric, volume numeric);")
        db.run(OURS_TOO)
        db.load("candle", KEYS + ["ts", "n"] + COLUMNS,
                [row[:2] + [time_text(row[2])] + row[3:] for row in self.rows])
        db.run("CREATE INDEX ON candle (exchange, pair, ts, n); ANALYZE candle;")
        for row in self.rows:
            values = ["\\N" if value is None else value for value in row[4:]]
            self.answers.tell("row", row[0], row[1], row[2], *values)

    def put(self, rules, derived=True):
        self.answers.tell("clear")
        if derived:
            for name, sql in corpus.DERIVED.items():
                self.answers.tell("derive", f"candle.{name}", sql)
        for name, (min_rows, positive, text) in rules.items():
            self.answers.tell("rule", name, min_rows, positive, text, "row")
            self.answers.tell("rule", name + STEPS, min_rows, positive, text, "edge")
        return {name: why for name, why in self.answers.compile().items()
                if not name.endswith(STEPS)}

    def complaints(self, db, texts):
        """{text: what PostgreSQL has against it as written}."""
        texts = list(texts)
        self.questions += len(texts)
        return dict(zip(texts, db.errors([raw_query(text) for text in texts])))

    def compare(self, db, name, text):
        """Every row for which it holds, and the steps alone."""
        count = self.compare_one(db, name, text)
        steps = self.compare_one(db, name + STEPS, text)
        self.steps += steps
        self.step_rules += 0 < steps < count and "OVER" in text
        return count

    def compare_one(self, db, name, text):
        query = self.answers.sql(name)
        ours = [(time_text(self.rows[i][2]), self.rows[i][0], self.rows[i][1])
                for i in self.answers.judge(name)]
        error = None
        try:
            theirs = [tuple(row) for row in db.rows(query)]
        except Exception as trouble:  # a query that PostgreSQL refuses is what we look for
            error, theirs = trouble, []
        self.compared += 1
        self.alerts += len(ours)
        if error or ours != theirs:
            self.fail(name, text, "\n ", error or f"ours {len(ours)}, theirs {len(theirs)}: only "
                      f"ours {sorted(set(ours) - set(theirs))[:3]}, only theirs "
                      f"{sorted(set(theirs) - set(ours))[:3]}", "\n", query)
        return len(ours)

    def compare_raw(self, db, name, text):
        """Without guards the condition as written has to give the same rows, unless PostgreSQL
        fails at run time or rounds. This is what proves the types: both our printer and our
        evaluation believe the compiler."""
        if TIMED.search(text):
            return
        table = "(SELECT * FROM candle ORDER BY exchange, pair, ts, n) candle"
        try:
            theirs = [tuple(row) for row in db.rows(
                f"SELECT ts, exchange, pair FROM (SELECT *, ({text}\n) AS f FROM {table}"
                f"{windows(text)}) x WHERE f ORDER BY ts, n;")]
        except PostgresError as error:
            self.failing += 1
            if not RUNTIME.search(error.message):
                self.fail("PostgreSQL fails:", text, error.message)
            return
        ours = [(time_text(self.rows[i][2]), self.rows[i][0], self.rows[i][1])
                for i in self.answers.judge(name)]
        self.raw += 1
        if ours == theirs:
            return
        if text in corpus.ROUNDED or (name.startswith("random") and ROUNDED.search(text)):
            self.rounded.append(text)
        else:
            self.fail("as written:", text, f"ours {len(ours)}, theirs {len(theirs)}")

    def good(self, db):
        rules = {f"good{i}": (10, 1, text) for i, text in enumerate(corpus.GOOD + documented())}
        rules |= {f"bare{i}": (0, 0, text) for i, text in enumerate(corpus.GOOD)
                  if not DERIVED.search(text)}
        rules |= {f"guarded{i}": rule for i, rule in enumerate(corpus.GUARDED)}
        refused = self.put(rules)
        complaints = self.complaints(db, {text for _, _, text in rules.values()
                                          if not DERIVED.search(text)})
        never, always = [], []
        for name, (_, _, text) in rules.items():
            if name in refused:
                self.fail("refused:", text, refused[name])
                continue
            if name.startswith("bare"):
                self.compare_raw(db, name, text)
                continue
            raw = complaints.get(text)
            if raw and not runtime(raw):
                self.fail("PostgreSQL refuses:", text, raw.message)
            count = self.compare(db, name, text)
            (never if count == 0 else always if count == ROWS else []).append(text)
        print(f"corpus: {len(rules)} conditions, of them never true {len(never)}, "
              f"always {len(always)}")
        for text in never:
            print("  never true:", text)

    def bad(self, db):
        texts = list(corpus.BAD) + list(corpus.OURS)
        refused = self.put({f"bad{i}": (10, 1, text) for i, text in enumerate(texts)})
        complaints = self.complaints(db, texts)
        same = 0
        for i, text in enumerate(texts):
            ours = refused.get(f"bad{i}")
            theirs = complaints[text]
            if not ours:
                self.fail("not refused:", text)
                continue
            if text in corpus.OURS:
                if corpus.OURS[text] not in ours[1]:
                    self.fail("other words:", text, ours)
                continue
            if not theirs:
                self.fail("PostgreSQL accepts:", text, ours)
                continue
            words = corpus.BAD[text] or theirs.message
            same += words == theirs.message
            if words not in ours[1]:
                self.fail("other words:", text, ours, theirs.message)
        print(f"refusals: {len(texts)}, of them in PostgreSQL's very words {same}")

    def documented_refusals(self):
        expected = documented_refusals()
        refused = self.put({text: (10, 1, text) for text in expected})
        if not expected:
            self.fail("docs/rules.md shows no refusals")
        for text, (column, words) in expected.items():
            if refused.get(text) != (f"1:{column}", words):
                self.fail("documented otherwise:", text, refused.get(text))

    def random(self, db, count):
        """Conditions made at random: both accept or both refuse, and the rows agree."""
        maker = RandomRules(self.rng)
        rules = {f"random{i}": (*self.rng.choice([(0, 0), (3, 0), (10, 1)]), maker.condition())
                 for i in range(count)}
        refused = self.put(rules, derived=False)
        complaints = self.complaints(db, {text for _, _, text in rules.values()})
        for name, (_, _, text) in rules.items():
            error = complaints[text]
            if runtime(error):
                error = None
            too_large = name in refused and re.search("too large|too deep|too long|"
                                                      "32 different", refused[name][1])
            if name in refused and not error and not too_large:
                self.fail("refused:", text, refused[name])
            if name not in refused and error:
                self.fail("PostgreSQL refuses:", text, error.message)
            if name not in refused and not error:
                self.compare(db, name, text)
                if rules[name][:2] == (0, 0):
                    self.compare_raw(db, name, text)
        print(f"random: {count} conditions, {len(refused)} refused by both")


def documented():
    """The conditions that docs/rules.md shows."""
    page = pathlib.Path(__file__).parents[2].joinpath("docs/rules.md").read_text(encoding="utf-8")
    return [line for block in re.findall(r"^```sql\n(.*?)^```", page, re.M | re.S)
            for line in block.splitlines()]


def documented_refusals():
    """{condition: (column, words)} of the table of refusals there."""
    page = pathlib.Path(__file__).parents[2].joinpath("docs/rules.md").read_text(encoding="utf-8")
    return {text: (int(column), words.replace("\\|", "|")) for text, column, words in
            re.findall(r"^\| `(.*?)` \| (\d+): (.*) \|$", page, re.M)}


def main():
    if not available():
        print("PostgreSQL 15 is not installed: skipped", file=sys.stderr)
        return MISSING
    program, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 400
    oracle, began = Oracle(program, seed), time.monotonic()
    with Postgres() as db:
        oracle.load(db)
        oracle.good(db)
        oracle.bad(db)
        oracle.documented_refusals()
        oracle.random(db, count)
    if oracle.answers.close():
        oracle.fail("oracle_test answer ended badly")
    if len(oracle.rounded) > len(corpus.ROUNDED) + count // 20:
        oracle.fail("too many differ as written: PostgreSQL cannot be rounding all of them")
    print(f"as written: {oracle.raw} conditions, {len(oracle.rounded)} differ where PostgreSQL "
          f"rounds, {oracle.failing} fail in PostgreSQL and are NULL here")
    for text in oracle.rounded:
        print("  rounded:", text)
    print(f"by edge: {oracle.steps} steps; fewer than rows that hold in {oracle.step_rules} "
          "conditions with windows")
    if oracle.step_rules < STEP_RULES_LEAST:
        oracle.fail("hardly a condition with windows holds for two rows that follow each other")
    compared = oracle.compared + oracle.raw
    print(f"compared {compared} queries x {len(oracle.rows)} rows = {compared * len(oracle.rows)} "
          f"verdicts, and {oracle.questions} refusals or none, in {time.monotonic() - began:.1f} s: "
          f"{oracle.alerts} alerts, {len(oracle.failures)} failures (seed {seed})")
    return 1 if oracle.failures else 0


if __name__ == "__main__":
    sys.exit(main())
