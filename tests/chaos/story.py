"""What a chaos run saw of an alert that was lost: told beside the violation, for the folder of the run
is gone by then.

First whether it stands in tw:alerts, when it was published, who took it and when; then all that was
noted around it, in order of time: faults, the client that lacks it (its lives, links, Redis, gaps, how
far it was), neighbours of the alert in its topic, and what notifiers, broker, Redis and that client
logged.
"""

import datetime
import json
import re

STORIES_MOST = 3             # of one run
LINES_MOST = 90              # of one story
LOG_LINES_MOST = 15          # of one log in it, the newest
WIDTH = 150
BEFORE_S, AFTER_S = 3, 15    # the receipt of its row
LOST = re.compile(r"I2 lost alert (?P<id>[0-9a-f]{32}) of (?P<rule>\S+) on (?P<series>\S+), .*"
                  r"received (?P<received>\d+)\): not at (?P<who>[^,]+)")
OURS = re.compile(r"ts=(\S+Z) ")
REDIS = re.compile(r"\d+:\w (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ")
ACTOR = re.compile(r"actor=\S+ name=\S+ ")
LOGS = ["notifier-*", "broker", "redis"]


def clock(us):
    return f"{datetime.datetime.fromtimestamp(us / 1e6):%H:%M:%S.%f}"[:-3]


def lines_of(path):
    """The lines of a client; whoever was killed may have left half a one."""
    if not path.exists():
        return
    with open(path) as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if "t" in line:
                yield line


def said(text):
    """The time of a line of a log, us (None: it has none), and the rest of it."""
    ours, of_redis = OURS.match(text), REDIS.match(text)
    if ours:
        time = datetime.datetime.fromisoformat(ours.group(1).replace("Z", "+00:00"))
    elif of_redis:
        time = datetime.datetime.strptime(of_redis.group(1), "%d %b %Y %H:%M:%S.%f")
    else:
        return None, text
    return int(time.timestamp() * 1e6), ACTOR.sub("", text[(ours or of_redis).end():], 1)


class Story:
    def __init__(self, run, lost):
        self.run, self.id, self.who = run, lost["id"], lost["who"]
        self.topic = f"alert/{lost['rule']}/{lost['series']}/"
        self.received = int(lost["received"])
        self.window = (self.received - BEFORE_S * 10**6, self.received + AFTER_S * 10**6)
        self.events = [(self.received, "collector", "received the record")]  # us, who, what
        self.published, self.entries, self.took = [], [], {}
        for path in sorted((run / "told").glob("sub-*.jsonl")):
            self._hear_client(path, f"subscriber {path.stem.removeprefix('sub-')}")
        for path in sorted((run / "told").glob("hook-*.jsonl")):
            self._hear_client(path, f"webhook {path.stem.removeprefix('hook-')}")
        self._hear_client(run / "told/log.jsonl", "the alert log")
        self._hear_faults()
        logs = [path for name in LOGS for path in sorted((run / "log").glob(f"{name}.log"))]
        for path in [*logs, run / f"log/listen-{self.who.split()[-1]}.log"]:
            self._hear_log(path)

    def _near(self, us):
        return self.window[0] <= us <= self.window[1]

    def _hear_client(self, path, who):
        for line in lines_of(path):
            t, body = line["t"], line.get("body")
            if body and body["id"] == self.id:
                self._hear_it(who, line)
            elif not self._near(t):
                continue
            elif who != self.who:
                continue
            elif body and line.get("topic") == self.topic:
                self.events.append((t, who, f"seq {body['seq']} of the topic {line.get('how', '')}"))
            elif not body and ("has_all_of" not in line or "subscriber" in who):
                told = {name: value for name, value in line.items() if name != "t"}
                if "has_all_of" in told:
                    told["has_all_of"] = clock(told["has_all_of"])
                self.events.append((t, who, " ".join(f"{k}={v}" for k, v in told.items())))

    def _hear_it(self, who, line):
        self.published.append(line["body"]["at"])
        how = line.get("how") or f"status {line.get('status')}"
        if who == "the alert log":
            self.entries.append(line["entry"])
            how = f"entry {line['entry']}"
        self.took.setdefault(who, f"{clock(line['t'])} ({how})")
        self.events.append((line["t"], who, f"HAS IT: {how}" + (", again" if line.get("again") else "")))

    def _hear_faults(self):
        for line in lines_of(self.run / "faults.jsonl"):
            if "fault" in line and self._near(line["t"]):
                self.events.append((line["t"], "fault", line["fault"]))
            elif self.id in line.get("violation", ""):
                self.events.append((line["t"], "checker", "called it lost"))

    def _hear_log(self, path):
        """The last that it said up to the end of the window."""
        at, lines = 0, []
        for line in path.read_text(errors="replace").splitlines() if path.exists() else []:
            time, text = said(line)
            at = time or at  # a line without a time belongs to the one before
            lines += [(at, path.stem, text)] if at <= self.window[1] else []
        self.events += [line for line in lines[-LOG_LINES_MOST:] if self._near(line[0])] or lines[-1:]

    def tell(self):
        first = clock(min(self.published)) if self.published else "never, as far as anybody saw"
        took = "; ".join(f"{who} {when}" for who, when in self.took.items() if who != "the alert log")
        yield f"seen of {self.id}, which is not at {self.who}:"
        yield f"  in tw:alerts: {', '.join(self.entries) or 'never'}; published first: {first}"
        yield f"  taken first: {took or 'by nobody'}"
        events = sorted(self.events, key=lambda event: event[0])
        for us, who, what in events[:LINES_MOST]:
            yield f"  {clock(us)} {who:12} {what}"[:WIDTH]
        if len(events) > LINES_MOST:
            yield f"  ... and {len(events) - LINES_MOST} more until {clock(events[-1][0])}"


def stories(run, violations):
    """Lines, of the first few alerts that were lost."""
    lost = filter(None, map(LOST.search, violations))
    for match, _ in zip(lost, range(STORIES_MOST)):
        yield from Story(run, match.groupdict()).tell()
