"""The command `tidewire backtest` itself: --from and --to, exit codes, messages with their place."""
import json
import subprocess

START_MS = 1677628800000  # 2023-03-01
GOOD = """sources:
  - name: made
    url: file://{data}
    table: candle
    format: json
    rows: /*
    key: {{ exchange: "=made", pair: "=up" }}
    time: {{ at: /0, unit: ms }}
    columns: {{ volume: /1 }}
rules:
  spike: {{ on: candle, when: "volume > 3 * avg(volume) OVER last_1h" }}
  second: {{ on: candle, when: "volume > 2 * avg(volume) OVER rows_20" }}
"""


class Words:
    def __init__(self, program, folder):
        self.program, self.folder, self.failures = program, folder, 0
        self.data = folder / "words.json"
        self.data.write_text(json.dumps([[START_MS + 60000 * n, 50 if n % 40 == 39 else 1 + n % 3]
                                         for n in range(2000)]))
        self.good = self.config("good", GOOD.format(data=self.data))

    def config(self, name, text):
        path = self.folder / f"words-{name}.yaml"
        path.write_text(text)
        return path

    def run(self, *words):
        return subprocess.run([self.program, "backtest", *map(str, words)], capture_output=True,
                              text=True, timeout=60)

    def expect(self, what, good, *evidence):
        if not good:
            self.failures += 1
            print(f"FAILED backtest: {what}", *evidence)

    def ends(self, what, code, says, *words):
        done = self.run(*words)
        self.expect(what, done.returncode == code and says in done.stderr and not done.stdout,
                    f"exit {done.returncode} for {code}, stderr {done.stderr!r}, wanted {says!r}")

    def times(self):
        """--from is in, --to is out; what came before --from still fills the windows."""
        done = self.run("-c", self.good, "--json")
        lines = done.stdout.splitlines()
        times = [json.loads(line)["ts"] for line in lines]
        self.expect("both rules alert", done.returncode == 0 and len(lines) > 60, done.stderr)
        first, last = sorted(set(times))[5], sorted(set(times))[-5]

        def part(low, high):
            return [line for line, ts in zip(lines, times) if low <= ts < high]

        def word(us):
            done = subprocess.run(["date", "-u", "-d", f"@{us // 10**6}", "+%Y-%m-%dT%H:%M:%SZ"],
                                  capture_output=True, text=True, check=True)
            return done.stdout.strip()
        for low, high, words in ((first, last, ["--from", word(first), "--to", word(last)]),
                                 (first, 2**62, ["--from", word(first)]),
                                 (0, last, ["--to", word(last)]),
                                 (0, 2**62, ["--from", "2020-01-01T00:00:00Z"]),
                                 (first, 2**62, ["--from=" + word(first).replace("Z", "+00:00")])):
            some = self.run("-c", self.good, "--json", *words).stdout.splitlines()
            self.expect(f"{words} gives its part", some == part(low, high), len(some))
        self.expect("--from after the end gives nothing",
                    self.run("-c", self.good, "--json", "--from", "2030-01-01T00:00:00Z").stdout == "")
        plain = self.run("-c", self.good).stdout.splitlines()
        self.expect("without --json a line per alert too", len(plain) == len(lines), len(plain))

    def usage(self):
        for what, says, words in (
                ("no -c", "-c FILE is missing", []),
                ("an unknown option", "--nonsense", ["-c", self.good, "--nonsense"]),
                ("a word too many", "unexpected word", ["-c", self.good, "word"]),
                ("a bad time", "not a time", ["-c", self.good, "--from", "yesterday"]),
                ("a day that does not exist", "not a time",
                 ["-c", self.good, "--to", "2023-02-30T00:00:00Z"]),
                ("a missing value", "requires an argument", ["-c"])):
            self.ends(what, 2, says, *words)
        helped = self.run("--help")
        self.expect("--help", helped.returncode == 0 and "usage:" in helped.stdout, helped)

    def bad_files(self):
        gone = self.config("gone", GOOD.format(data=self.folder / "gone.json"))
        self.ends("a file that is not there", 1, "gone.json", "-c", gone, "--json")
        self.ends("a folder for a file", 1, str(self.folder), "-c",
                  self.config("folder", GOOD.format(data=self.folder)), "--json")
        for what, text, says in (
                ("a broken document", "[[1, 2], [3", "source 'made' record 1: bad JSON at byte 11"),
                ("a bad row", '[[1, 2], [3, "x"], [4, 5]]', "source 'made' record 1 row 1: ")):
            self.data.with_suffix(".bad").write_text(text)
            bad = self.config("broken", GOOD.format(data=self.data.with_suffix(".bad")))
            done = self.run("-c", bad, "--json")
            self.expect(f"{what} is quarantined with its reason", done.returncode == 0 and
                        says in done.stderr and ", 1 quarantined, " in done.stderr and
                        not done.stdout, done)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([self.program, "backtest", "-c", self.good, "--json"],
                                  stdout=full, stderr=subprocess.PIPE, text=True)
        self.expect("output that cannot be written", done.returncode == 1 and
                    "No space left" in done.stderr, done)

    def bad_configurations(self):
        good = GOOD.format(data=self.data)
        when = '"volume > 3 * avg(volume) OVER last_1h"'
        line = 1 + good[:good.index(when)].count("\n")
        column = good.splitlines()[line - 1].index(when) + 2  # inside the quotes, from 1
        for what, other, place, says in (
                ("an unknown column", "close > volume", column, 'column "close" does not exist'),
                ("an unknown column further on", "volume > 3 AND vol > 1", column + 15,
                 'column "vol" does not exist'),
                ("a syntax error", "volume > > 3", column + 9, None),
                ("a number for a condition", "volume", column, "boolean")):
            path = self.config("bad", good.replace(when, f'"{other}"'))
            self.ends(what, 78, f"{path}:{line}:{place}: ", "-c", path, "--json")
            if says:
                self.ends(what, 78, says, "-c", path, "--json")
        path = self.config("key", good.replace("    table:", "    tabel: x\n    table:"))
        self.ends("an unknown key", 78, f"{path}:4:5: ", "-c", path)
        self.ends("a configuration that is not there", 78, "none.yaml", "-c",
                  self.folder / "none.yaml")


def check(program, folder):
    """How many expectations failed."""
    words = Words(program, folder)
    words.times()
    words.usage()
    words.bad_files()
    words.bad_configurations()
    print(f"backtest --from, --to, exit codes and messages: {words.failures} failures")
    return words.failures
