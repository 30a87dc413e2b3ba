"""`explain` recomputes alerts of the real pipeline from what was staged, and shows the rows that
they rest on: checked here by adding those up once more. What the log does not give is told."""

import re
import sys
import time
from decimal import Decimal

from harness import Instance, Pusher, alert_log, free_ports, wait_for

CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: trade
    key: { pair: /k }
    time: { at: t, unit: ms }
    columns: { price: p, volume: v }
    identity: [time]
    lateness: 3s
  - name: ticks
    url: push://tcp://127.0.0.1:SECOND
    table: tick
    key: { pair: /k }
    time: { at: t, unit: ms }
    columns: { price: p }
    identity: none
rules:
  peak: { on: tick, when: "price > max(price) OVER rows_12", min_rows: 12 }
  spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_1m" }
  high: { on: trade, when: "price > max(price) OVER rows_12", min_rows: 12 }
  storm: { on: trade, when: "volume > avg(volume) OVER last_1m", emit: edge }
"""

START_MS = 1_700_000_000_000
ROWS = 150


def feed(pusher):
    """One row a second for two series, some late by two seconds, some revised."""
    frames = []
    for i in range(ROWS):
        t = START_MS + 1000 * i
        volume = 500 if i % 40 == 39 else 10 + i % 7
        frames.append((t, volume))
        if i % 10 == 5:  # late by two seconds, and between the others
            frames.append((t - 2500, 3))
        if i % 10 == 8:  # an unfinished one, polled again
            frames.append((t, volume + 1))
    for at in range(0, len(frames), 7):
        some = frames[at:at + 7]
        for k in ("A/B", "c"):
            pusher.send({"k": [k] * len(some), "t": [t for t, _ in some],
                         "p": [t // 1000 % 17 for t, _ in some], "v": [v for _, v in some]})
    pusher.settle()


def windows_of(text):
    """Of each window, the rows that are shown: (event time, column -> number)."""
    found, rows = {}, None
    for line in text.splitlines():
        title = re.match(r"rows +OVER (\w+): (\d+)", line)
        row = re.match(r" {13}(\S+Z)  record \d+ row \d+(.*)", line)
        if title:
            rows = found.setdefault(title[1], [])
            count = int(title[2])
        elif row:
            numbers = row[2].split()
            rows.append((row[1], dict(zip(numbers[::2], map(Decimal, numbers[1::2])))))
            assert len(rows) <= count, line
        else:
            rows = None if not line.startswith(" ") else rows
    return found


def check_spike(text):
    said = re.search(r"avg\(volume\) OVER last_1m.*  rows (\d+)  sum (\S+)", text)
    rows = windows_of(text)["last_1m"]
    assert len(rows) == int(said[1]), (len(rows), said[0])
    total = sum(columns["volume"] for _, columns in rows)
    assert total == Decimal(said[2]), (total, said[0])
    new = Decimal(re.search(r"^row .* volume (\S+)", text, re.M)[1])
    assert new * len(rows) > 3 * total, (new, len(rows), total)


def check_high(text):
    rows = windows_of(text)["rows_12"]
    assert len(rows) == 12, text
    new = Decimal(re.search(r"^row .*price (\S+)", text, re.M)[1])
    assert new > max(columns["price"] for _, columns in rows), text


def check_all(instance, database):
    """Every alert and correction agrees; the newest of each rule is added up."""
    logged = alert_log(database)
    rules = {fields["rule"] for fields in logged}
    assert rules >= {"spike", "high", "storm"}, rules
    checked = 0
    for fields in [f for f in logged if f["rule"] == "storm"][-3:]:
        status, text = instance.explain(fields["id"])
        assert status == 0 and "agrees" in text, text
    logged = [fields for fields in logged if fields["rule"] != "storm"]
    for fields in logged[:: max(1, len(logged) // 12)] + logged[-3:]:
        status, text = instance.explain(fields["id"], "--rows")
        assert status == 0 and "agrees" in text, text
        assert fields["series"] in text and fields["rule"] in text
        if '"corrects"' in fields["body"] or '"late"' in fields["body"]:
            continue
        (check_spike if fields["rule"] == "spike" else check_high)(text)
        checked += 1
    assert checked >= 5, checked
    for kind in "firing", "resolved":  # these, too, are what the log implies
        instance.agrees(alert_log(database, {kind})[0])
    print(f"{checked} of {len(logged)} alerts explained and added up")
    return logged


def spike(database, pusher, second, told):
    """One more, so many seconds after the others; its id in the alert log."""
    t = START_MS + 1000 * (ROWS + second)
    pusher.send({"k": ["c"], "t": [t], "p": [1], "v": [5000 * second]})
    pusher.settle()
    return wait_for("its alert", lambda: [
        f["id"] for _, f in database.xrevrange("tw:alerts", count=20)
        if f["rule"] == "spike" and f["kind"] == "alert" and f["ts"] == str(t * 1000) and told in f["body"]])[0]


def check_changed_rule(instance, database, pusher, old):
    """Each alert by the rule that was in force when it came."""
    database.hset("tw:rule:spike", mapping={"on": "trade",
                                            "when": "volume > 5 * avg(volume) OVER last_1m"})
    time.sleep(4)  # until it is in force
    new = spike(database, pusher, 1, "> 5 *")
    status, text = instance.explain(new)
    assert status == 0 and "volume > 5 * avg" in text, text
    assert "more (--rows prints them)" in text, text
    status, text = instance.explain(old)
    assert status == 0 and "volume > 3 * avg" in text, text


def check_dropped_rule(instance, database):
    """Its incident is over by the plan's record alone, on the newest row."""
    database.hset("tw:rule:spike", "enabled", "false")
    over = wait_for("its end", lambda: [
        f for _, f in database.xrevrange("tw:alerts", count=20)
        if f["rule"] == "spike" and f["kind"] == "resolved" and '"rule removed"' in f["body"]])[0]
    status, text = instance.explain(over["id"])
    assert status == 0 and "agrees" in text and "resolved" in text, text


def check_replayed(instance, database, pusher):
    """What was told anew is read as the order to do so says."""
    instance.word("replay", "-c", instance.config, "--from", "2020-01-01T00:00:00Z")
    new = spike(database, pusher, 10, "~")
    status, text = instance.explain(new)
    assert status == 0 and re.search(r"^record +collector~\d+ ", text, re.M), text


def check_rows_alone(instance, database, port):
    """Windows by rows, whose rows are in one record with many that come after the alert."""
    pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "ticks")
    prices = [i % 40 for i in range(150)]
    prices[70] = 99
    pusher.send({"k": ["x"] * 150, "t": [START_MS + i for i in range(150)], "p": prices})
    pusher.settle()
    pusher.close()
    alert = wait_for("the alert in the middle", lambda: [
        f["id"] for _, f in database.xrevrange("tw:alerts", count=100)
        if f["rule"] == "peak" and f["ts"] == str((START_MS + 70) * 1000)])[0]
    status, text = instance.explain(alert, "--rows")
    assert status == 0, text
    shown = [columns["price"] for _, columns in windows_of(text)["rows_12"]]
    assert shown == prices[58:70], (shown, text)


def check_broken(instance, database, logged):
    """Whoever may write the alert log cannot write on a terminal, nor make us stumble."""
    for number in ("1" + "0" * 30, "-1", "1.5", "1e3", '"7"', "0"):
        entry = dict(logged[-1], id="ab" * 16)
        entry["body"] = re.sub(r'("record":\{.*?"seq":)\d+', rf"\g<1>{number}", entry["body"])
        database.xadd("tw:alerts", entry)
        status, text = instance.explain(entry["id"])
        assert status == 1 and "names no record" in text, (number, text)
    database.xadd("tw:alerts", dict(logged[-1], id="ab" * 16, rule="a\033[2Jb"))
    status, text = instance.explain("ab" * 16)
    assert status == 1 and "none of ours" in text and "\033" not in text, text


def check_disagreement(instance, database, logged):
    """An entry that the log does not give, and one that it gives otherwise."""
    entry = dict(logged[-1])
    entry["body"] = entry["body"].replace('"volume":', '"volume":1', 1)
    database.xadd("tw:alerts", entry)
    status, text = instance.explain(entry["id"])
    assert status == 1 and "DISAGREES" in text and "recomputed" in text, text
    entry["id"] = "0123456789abcdef" * 2
    database.xadd("tw:alerts", entry)
    status, text = instance.explain(entry["id"])
    assert status == 1 and "do not give this alert" in text, text
    status, text = instance.explain("f" * 32)
    assert status == 1 and "no alert" in text, text
    assert instance.explain("nonsense")[0] == 2
    assert instance.explain("f" * 32, "f" * 32)[0] == 2
    print("what the log does not give is told")


def main():
    port, second = free_ports(2)
    config = CONFIG.replace("PORT", str(port)).replace("SECOND", str(second))
    with Instance(config) as instance:
        instance.up()
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "feed")
        feed(pusher)
        database = instance.redis()
        wait_for("alerts", lambda: database.xlen("tw:alerts") >= 12)
        wait_for("the last of them", lambda: not instance.status().get("behind"))
        time.sleep(1)
        logged = check_all(instance, database)
        old = [f["id"] for f in logged if f["rule"] == "spike" and "> 3 *" in f["body"]][0]
        check_changed_rule(instance, database, pusher, old)
        check_replayed(instance, database, pusher)
        check_rows_alone(instance, database, second)
        check_dropped_rule(instance, database)
        check_disagreement(instance, database, logged)
        check_broken(instance, database, logged)
        pusher.close()


if __name__ == "__main__":
    sys.exit(main())
