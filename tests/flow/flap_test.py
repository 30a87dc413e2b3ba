"""An incident that comes and goes, in the real pipeline, by a rule that redis-cli set: a webhook and a
chat are told once that it flaps, through a crash of the worker, and later how it is; every alert is on the
socket all the same, and `explain` agrees."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading

from harness import Instance, Pusher, free_ports, wait_for

CONFIG = """
namespace: tw
redis: embedded
allow_private: true
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: trade
    key: { pair: /k }
    time: { at: t, unit: ms }
    columns: { price: p }
rules:
  other: { on: trade, when: "price > 1000000" }
"""

START_MS = 1_700_000_000_000
MINUTE_US = 60_000_000
VIEW = "tw:incident:swing:trade:a"


class Receiver:
    """What came on /hook, as it is, and what came on /chat."""

    def __init__(self):
        self.hook, self.chat = hook, chat = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                (hook if self.path == "/hook" else chat).append(body)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, count):
        """What the webhook got, in the order in which it was said: it may come in another."""
        wait_for(f"{count} at the webhook", lambda: len(self.hook) >= count)
        return sorted(self.hook, key=lambda body: body["seq"])

    def kinds(self, count):
        return [body["kind"] for body in self.told(count)]


def redis_cli(instance, *words):
    subprocess.run(["redis-cli", "-s", str(instance.dir / "redis.sock"), *words],
                   capture_output=True, timeout=10, check=True)


def push(pusher, first, prices):
    times = [START_MS + 60_000 * (first + i) for i in range(len(prices))]
    pusher.send({"k": ["a"] * len(prices), "t": times, "p": prices})
    pusher.settle()


def state(database, want):
    wait_for(f"the view to say {want}", lambda: database.hget(VIEW, "state") == want)
    return database.hgetall(VIEW)


def explained(instance, entry):
    run = instance.word("explain", entry["id"], check=False)
    text = run.stdout + run.stderr
    assert run.returncode == 0 and "agrees" in text and entry["kind"] in text, text


def set_up(instance, database, receiver):
    redis_cli(instance, "HSET", "tw:rule:swing", "on", "trade", "when", "price > 100", "emit", "row",
              "flap", "3/10m")
    redis_cli(instance, "HSET", "tw:rule:bad", "on", "trade", "when", "price > 100", "flap", "2/10m")
    redis_cli(instance, "HSET", "tw:subscriber:alice", "webhook", f"{receiver.url}/hook",
              "slack", f"{receiver.url}/chat")
    redis_cli(instance, "SADD", "tw:subs:swing", "alice")
    wait_for("the rule", lambda: database.hget("tw:status:swing", "state") == "ok")
    wait_for("the bad one", lambda: database.hget("tw:status:bad", "state") == "error")
    error = database.hget("tw:status:bad", "error")
    assert "flap" in error and "3 to 20 changes" in error, error


def main():
    (port,) = free_ports(1)
    receiver = Receiver()
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        database = instance.redis()
        set_up(instance, database, receiver)
        pusher = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "feed")
        push(pusher, 0, [200, 50, 200])
        view = state(database, "flapping")
        assert int(view["since"]) == START_MS * 1000, view
        assert int(view["ts"]) == START_MS * 1000 + 2 * MINUTE_US, view
        assert database.ttl(VIEW) == -1, "it is not over"
        wait_for("the chat", lambda: any(
            "swing is flapping on trade:a" in said["text"] for said in receiver.chat))
        os.kill(int(instance.actors("transform")[0]["pid"]), signal.SIGKILL)
        push(pusher, 3, [50, 200] + 9 * [201])  # the last change is in minute 4: not over in 13
        wait_for("all 12 alerts", lambda: len(instance.logged_ids(kinds=("alert",))) == 12)
        assert receiver.kinds(3) == ["firing", "resolved", "flapping"], receiver.hook
        push(pusher, 14, [202])
        view = state(database, "firing")
        assert int(view["since"]) == START_MS * 1000 + 4 * MINUTE_US, view
        push(pusher, 15, [50])
        state(database, "resolved")
        assert receiver.kinds(5) == ["firing", "resolved", "flapping", "firing", "resolved"]
        flapping, fires, over = receiver.told(5)[2:]
        assert (flapping["changes"], flapping["since"]) == (3, START_MS * 1000), flapping
        assert fires["opened"] == flapping["id"] and over["opened"] == fires["id"]
        assert len({body["id"] for body in receiver.hook}) == 5
        for entry in flapping, fires, over:
            explained(instance, entry)
        pusher.close()
    print("a flap is told once, and how it ends")


if __name__ == "__main__":
    sys.exit(main())
