"""Own illness is told: subscribers of affected rules hear once that the watch is degraded, and once
that it is back, whatever is killed in between; others hear nothing.

On the alert socket it is heard as long as it lasts, also by who comes late.

A source answers 500 for a while, and the notifier is killed meanwhile; then the only transform is.
"""

import collections
import http.server
import json
import os
import signal
import threading
import time

import msgpack
import zmq

from harness import Instance, connect, wait_for
from notified import Receiver

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", metrics: "127.0.0.1:*" }
allow_private: true
degraded_after: 3s
sources:
  - name: quotes
    url: http://127.0.0.1:PORT/quotes
    every: 500ms
    rows: /*
    table: quote
    key: { pair: /pair }
    time: { at: /ts, unit: ms }
    columns: { price: /price }
OTHER_SOURCES
  - name: market
    url: simulate://market?seed=1&series=2&rate=1
    rows: /*
    table: candle
    key: { pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { volume: /volume }
rules:
  dear: { on: quote, when: "price > 1e9" }
  high: { on: candle, when: "volume > 1e15" }
  far: { on: other, when: "price > 1e9" }
"""

OTHERS = 6
OTHER_CAUSES = {f"source:other{i}" for i in range(OTHERS)}
OTHER = """\
  - name: otherNUMBER
    url: http://127.0.0.1:PORT/otherNUMBER
    every: 500ms
    rows: /*
    table: other
    key: { pair: /pair }
    time: { at: /ts, unit: ms }
    columns: { price: /price }
"""
CONFIG = CONFIG.replace("OTHER_SOURCES",
                        "".join(OTHER.replace("NUMBER", str(i)) for i in range(OTHERS)))


class Quotes:
    """What the source `quotes` is polled from, and others; `ill`: it answers 500."""

    def __init__(self):
        outer = self
        self.ill = self.others_ill = False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                row = {"pair": "a", "ts": int(time.time() * 1000), "price": 1}
                ill = outer.others_ill if "other" in self.path else outer.ill
                body = b"" if ill else json.dumps([row]).encode()
                self.send_response(500 if ill else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_port


class Heard:
    """What each subscriber was sent, by its path: each delivery once."""

    def __init__(self, receiver):
        self.receiver = receiver

    def all(self):
        return [(who, one) for who, body in self.letters() for one in body.get("alerts", [body])]

    def letters(self):
        seen = {}
        for _, path, headers, body in self.receiver.got:
            seen[headers["webhook-id"]] = (path[1:], json.loads(body))
        return list(seen.values())

    def of(self, name, kind=None, cause=None):
        return [body for who, body in self.all() if who == name
                and kind in (None, body["kind"]) and cause in (None, body["series"])]

    def counts(self):
        return collections.Counter((who, body["kind"], body["series"]) for who, body in self.all())


class Health:
    """What the alert socket says of it, and how often."""

    def __init__(self, instance, topic="health/"):
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt_string(zmq.SUBSCRIBE, topic)
        connect(self.socket, instance.alerts_endpoint())
        self.said, self.times = {}, collections.Counter()

    def all(self, kind, cause):
        """Bodies with different ids, in order."""
        while self.socket.poll(0):
            topic, body = self.socket.recv_multipart()
            body = msgpack.unpackb(body)
            assert topic.decode() == f"health/{body['cause']}/" and body["v"] == 1, (topic, body)
            assert self.said.setdefault(body["id"], body) == body, body
            self.times[body["id"]] += 1
        return [body for body in self.said.values() if (body["kind"], body["cause"]) == (kind, cause)]

    def close(self):
        self.socket.close(0)


def subscribe(database, receiver):
    people = {"quotes": ["dear"], "series": ["dear:quote:a"], "candles": ["high"],
              "both": ["dear", "high", "dear:quote:a"], "deaf": ["dear", "high"], "far": ["far"]}
    for name, keys in people.items():
        database.hset(f"tw:subscriber:{name}", mapping={"webhook": receiver.url("/" + name)})
        for key in keys:
            database.sadd(f"tw:subs:{key}", name)
    database.hset("tw:subscriber:deaf", "degraded", "no")
    database.sadd("tw:subs:high", "nobody")  # there is no such subscriber
    database.set("tw:subs:odd", "no set")


def degraded(instance):
    return {entry["cause"]: entry for entry in instance.status()["degraded"]}


def kill_notifier(instance):
    before = instance.actors("notifier")[0]["pid"]
    os.kill(int(before), signal.SIGKILL)
    wait_for("another notifier at work",
             lambda: any(a["pid"] != before and a["state"] == "active"
                         for a in instance.actors("notifier")))


def a_source_fails(instance, quotes, heard, health):
    quotes.ill = True
    wait_for("the source's subscribers to hear of it",
             lambda: all(heard.of(who, "degraded") for who in ("quotes", "series", "both")))
    body, = heard.of("both")
    assert (body["series"], body["rule"]) == ("source:quotes", "TidewireDegraded"), body
    assert body["rules"] == ["dear"] and body["rules_total"] == 1, body
    assert "HTTP 500" in body["note"] or "500" in body["note"], body
    assert degraded(instance)["source:quotes"]["text"] == body["note"]
    assert "source:quotes" in instance.word("status").stdout
    told, = wait_for("the alert socket to say it", lambda: health.all("degraded", "source:quotes"))
    assert told["tables"] == ["quote"] and told["note"] == body["note"], told
    assert (told["since"], told["ts"]) == (body["since"], body["ts"]), (told, body)
    kill_notifier(instance)
    late = Health(instance, "health/source:quotes/")
    wait_for("who comes late to hear it", lambda: late.all("degraded", "source:quotes"))
    assert late.all("degraded", "source:quotes") == [told], late.said
    late.close()
    quotes.ill = False
    wait_for("them to hear that it is over",
             lambda: all(heard.of(who, "restored") for who in ("quotes", "series", "both")), 60)
    assert not degraded(instance)
    expected = {(who, kind, "source:quotes"): 1 for who in ("quotes", "series", "both")
                for kind in ("degraded", "restored")}
    assert heard.counts() == expected, heard.counts()
    over, = wait_for("the alert socket to say that it is over",
                     lambda: health.all("restored", "source:quotes"))
    assert over["since"] == told["since"] and over["ts"] > told["ts"], (over, told)
    said = health.times[told["id"]]  # at first, and by the other notifier
    assert said >= 2 and health.times[over["id"]] == 1, health.times
    ending, = heard.of("both", "restored")
    assert ending["since"] == body["since"] and ending["ts"] > body["ts"], (body, ending)


def many_sources_fail_at_once(quotes, heard):
    """One letter says so, though far has no `group`."""
    for ill, kind in ((True, "degraded"), (False, "restored")):
        quotes.others_ill = ill
        wait_for(f"far to hear of {OTHERS} sources",
                 lambda: len(heard.of("far", kind)) == OTHERS, 60)
    letters = [body for who, body in heard.letters() if who == "far"]
    assert letters[0]["group"] == {"rule": "TidewireDegraded", "kind": "degraded",
                                   "count": OTHERS, "shown": OTHERS}, letters
    for kind in ("degraded", "restored"):  # each once; they are back one after the other
        assert sorted(b["series"] for b in heard.of("far", kind)) == sorted(OTHER_CAUSES), letters
    assert all(b["alerts"][0]["kind"] == "restored" for b in letters[1:] if "alerts" in b), letters


def the_transform_is_killed(instance, transform, heard, health):
    instance.kill(transform)
    everybody = ("quotes", "series", "candles", "both")
    wait_for("all to hear of it",
             lambda: all(heard.of(who, "degraded", "work") for who in everybody), 60)
    assert heard.of("both", "degraded", "work")[0]["rules"] == ["dear", "high"]
    told, = wait_for("the alert socket to say it", lambda: health.all("degraded", "work"))
    assert told["tables"] is None and "no transform runs" in told["note"], told
    assert "no transform runs" in degraded(instance)["work"]["text"]
    kill_notifier(instance)
    instance.actor("transform", "t2")
    wait_for("all to hear that it is over",
             lambda: all(heard.of(who, "restored", "work") for who in everybody), 90)
    wait_for("the alert socket to say that it is over", lambda: health.all("restored", "work"))
    times = health.times.copy()
    time.sleep(12)  # longer than it takes to say it again
    assert len(health.all("restored", "work")) == len(health.all("degraded", "work")) == 1
    assert health.times == times, (health.times, times)  # what is over is not said again
    counts = heard.counts()
    for who in everybody:
        assert counts[who, "degraded", "work"] == counts[who, "restored", "work"] == 1, counts
    assert {cause for _, _, cause in counts} == {"source:quotes", "work"} | OTHER_CAUSES, counts
    assert not heard.of("deaf") and not heard.of("nobody")
    assert len(heard.of("candles")) == 2


def main():
    quotes, receiver = Quotes(), Receiver()
    heard = Heard(receiver)
    with Instance(CONFIG.replace("PORT", str(quotes.port))) as instance:
        instance.up("collector,prep,notifier,broker")
        transform = instance.actor("transform", "t1")
        database = instance.redis()
        wait_for("all to be well",
                 lambda: instance.word("status", "--health", check=False).returncode == 0, 60)
        subscribe(database, receiver)
        health = Health(instance)
        a_source_fails(instance, quotes, heard, health)
        many_sources_fail_at_once(quotes, heard)
        the_transform_is_killed(instance, transform, heard, health)
        assert database.xlen("tw:alerts") == 0  # it is a function of the log
        assert not list(database.scan_iter("tw:{degraded}*"))


main()
