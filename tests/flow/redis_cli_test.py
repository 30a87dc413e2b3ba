"""Rules, subscribers and subscriptions by redis-cli alone, while everything runs: effective within
a second, a bad rule says why and harms nobody, a webhook arrives signed."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

from harness import Instance, Pusher, Subscriber, free_port, wait_for

SECRET = base64.b64encode(bytes(range(32))).decode()
START_MS = 1_700_000_000_000

CONFIG = """
namespace: tw
redis: embedded
allow_private: true
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: candles
    url: push://tcp://127.0.0.1:PORT
    table: candle
    key: { exchange: "=test", pair: /pair }
    time: { at: t, unit: ms }
    columns: { volume: v }
rules:
  base: { on: candle, when: "volume > 1000000", emit: row }
"""


class Receiver:
    """A webhook receiver on loopback that keeps what it got."""

    def __init__(self):
        got = self.got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                got.append((dict((k.lower(), v) for k, v in self.headers.items()), body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()


class Feed:
    """Steady rows of one series with a burst when asked."""

    def __init__(self, pusher):
        self.pusher, self.minute = pusher, 0

    def steady(self, minutes):
        self._send([2.0] * minutes)

    def burst(self, volume=50.0):
        return self._send([volume])

    def _send(self, volumes):
        times = [START_MS + (self.minute + i) * 60_000 for i in range(len(volumes))]
        self.minute += len(volumes)
        self.pusher.send({"pair": ["BTC/USD"] * len(volumes), "t": times, "v": volumes})
        self.pusher.settle()
        return times[-1] * 1000


def redis_cli(instance, *words):
    run = subprocess.run(["redis-cli", "-s", str(instance.dir / "redis.sock"), *words],
                         capture_output=True, text=True, timeout=10, check=True)
    return run.stdout.strip()


def status_of(instance, rule):
    lines = redis_cli(instance, "HGETALL", f"tw:status:{rule}").splitlines()
    return dict(zip(lines[::2], lines[1::2]))


def check_signature(headers, body):
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    want = base64.b64encode(hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest())
    assert f"v1,{want.decode()}" in headers["webhook-signature"].split(), "wrong signature"
    assert "." not in headers["webhook-id"]


def main():
    port = free_port()
    receiver = Receiver()
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        endpoint = instance.alerts_endpoint()
        subscriber = Subscriber(endpoint)
        pusher = Pusher(f"tcp://127.0.0.1:{port}", endpoint, "candles")
        feed = Feed(pusher)
        feed.steady(5)

        # A rule, a subscriber and a subscription, one command each.
        started = time.monotonic()
        redis_cli(instance, "HSET", "tw:rule:spike", "on", "candle",
                  "when", "volume > 3 * avg(volume) OVER last_1h", "severity", "critical")
        wait_for("status of spike", lambda: status_of(instance, "spike").get("state") == "ok", 5)
        took = time.monotonic() - started
        assert took < 1.0, f"the rule was effective after {took:.2f} s"
        redis_cli(instance, "HSET", "tw:subscriber:alice", "webhook", receiver.url,
                  "secret", f"whsec_{SECRET}")
        redis_cli(instance, "SADD", "tw:subs:spike", "alice")
        feed.steady(70)  # the window must be covered by rows the new rule could keep
        ts = feed.burst()
        wait_for("the alert at the subscriber", lambda: any(
            a["rule"] == "spike" and a["ts"] == ts for _, a in subscriber.alerts))
        wait_for("the webhook", lambda: receiver.got)
        headers, body = receiver.got[0]
        check_signature(headers, body)
        alert = json.loads(body)
        assert (alert["rule"], alert["ts"], alert["severity"]) == ("spike", ts, "critical"), alert
        assert alert["key"] == {"exchange": "test", "pair": "BTC/USD"}, alert["key"]
        assert alert["series"] == "candle:test:BTC%2FUSD", alert["series"]
        print(f"rule effective after {took:.2f} s; webhook arrived and its signature is right")

        wait_for("the status to count", lambda: status_of(instance, "spike").get("alerts") == "1", 5)
        assert status_of(instance, "spike")["last"] == str(ts), status_of(instance, "spike")

        # Bad rules say why, with the position, and leave the others running.
        for name, when, words in (("bad-name", "volume > 3 * avgg(volume) OVER last_1h", "avgg"),
                                  ("bad-syntax", "volume > > 3", "syntax error"),
                                  ("bad-column", "volumes > 3", "volumes")):
            redis_cli(instance, "HSET", f"tw:rule:{name}", "on", "candle", "when", when)
            status = wait_for(f"status of {name}", lambda: (
                lambda s: s if s.get("state") == "error" else None)(status_of(instance, name)), 5)
            assert words in status["error"], status
            assert any(c.isdigit() for c in status["error"]), f"no position: {status}"
            print(f"{name}: {status['error']}")
        ts = feed.burst(90.0)
        wait_for("an alert beside bad rules", lambda: any(
            a["ts"] == ts for _, a in subscriber.alerts))

        # A mended rule works; a removed one is silent.
        redis_cli(instance, "HSET", "tw:rule:bad-column", "when", "volume > 100000", "emit", "row")
        wait_for("the mended rule", lambda: status_of(instance, "bad-column").get("state") == "ok", 5)
        assert "error" not in status_of(instance, "bad-column")
        redis_cli(instance, "DEL", "tw:rule:spike")
        wait_for("spike to be gone", lambda: not status_of(instance, "spike"), 5)
        before = len(subscriber.alerts)
        ts = feed.burst(200_000.0)
        wait_for("the mended rule's alert", lambda: any(
            a["rule"] == "bad-column" and a["ts"] == ts for _, a in subscriber.alerts))
        assert not any(a["rule"] == "spike" for _, a in subscriber.alerts[before:])
        wait_for("the latest row", lambda: "200000" in redis_cli(
            instance, "HGETALL", "tw:latest:candle:test:BTC%2FUSD"), 5)
        # The longest name there is works all the way.
        longest = "n" * 128
        redis_cli(instance, "HSET", f"tw:rule:{longest}", "on", "candle", "when", "volume > 300000")
        wait_for("the long name", lambda: status_of(instance, longest).get("state") == "ok", 5)
        ts = feed.burst(400_000.0)
        wait_for("its alert", lambda: any(
            a["rule"] == longest and a["ts"] == ts for _, a in subscriber.alerts))
        assert longest in redis_cli(instance, "XREVRANGE", "tw:alerts", "+", "-", "COUNT", "5")
        redis_cli(instance, "DEL", f"tw:rule:{longest}")

        # One field switches a rule of the file off; DEL restores it.
        redis_cli(instance, "HSET", "tw:rule:base", "enabled", "0")
        wait_for("base to be off", lambda: status_of(instance, "base")["state"] == "disabled", 5)
        before = len(subscriber.alerts)
        ts = feed.burst(2_000_000.0)
        wait_for("the other rule's alert", lambda: any(
            a["rule"] == "bad-column" and a["ts"] == ts for _, a in subscriber.alerts))
        assert not any(a["rule"] == "base" for _, a in subscriber.alerts[before:])
        redis_cli(instance, "DEL", "tw:rule:base")
        wait_for("base to be back", lambda: status_of(instance, "base")["state"] == "ok", 5)

        # A rule that is removed while no collector runs has no status afterwards.
        collector = instance.actors("collector")[0]["pid"]
        os.kill(int(collector), signal.SIGSTOP)
        redis_cli(instance, "DEL", "tw:rule:bad-column")
        os.kill(int(collector), signal.SIGKILL)
        wait_for("bad-column to be gone", lambda: not status_of(instance, "bad-column"))
        pusher.close()
        subscriber.close()
    receiver.close()
    print("rules, subscribers and webhooks by redis-cli: as promised")


if __name__ == "__main__":
    sys.exit(main())
