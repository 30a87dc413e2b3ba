"""What could not be staged is said in the log: polls that failed, frames that never came, a time
without a collector. `stage gaps` lists it; nothing else is taken for one.
"""

import http.server
import json
import os
import signal
import threading
import time

from harness import Instance, Pusher, free_port, wait_for

CONFIG = """
namespace: tw
redis: embedded
listen: {{ alerts: "tcp://127.0.0.1:*" }}
sources:
  - name: polled
    url: http://127.0.0.1:{http}/
    every: 200ms
    rows: ""
    table: price
    key: {{ pair: =P }}
    time: {{ at: /t, unit: ms }}
    columns: {{ x: /x }}
  - name: pushed
    url: push://tcp://127.0.0.1:{push}
    table: trade
    key: {{ pair: /pair }}
    time: {{ at: t, unit: us }}
    columns: {{ v: v }}
"""
AWAY_S = 3  # more than the two seconds that a restart may take unsaid


class Server(http.server.BaseHTTPRequestHandler):
    good = True

    def do_GET(self):
        body = json.dumps({"t": int(time.time() * 1000), "x": 1}).encode()
        self.send_response(200 if Server.good else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def gaps(instance):
    lines = instance.word("stage", "gaps", "-c", instance.config, "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def counted(instance, field):
    return sum(int(actor.get(field, 0)) for actor in instance.actors("collector"))


def polls_that_fail(instance):
    wait_for("a poll", lambda: counted(instance, "polls") > 0)
    assert gaps(instance) == []
    Server.good = False
    wait_for("a failing poll", lambda: counted(instance, "polls_failed") > 0)
    assert gaps(instance) == []  # it has no end yet
    Server.good = True
    found = wait_for("the gap", lambda: gaps(instance), 60)
    assert len(found) == 1 and found[0]["source"] == "polled", found
    assert found[0]["reason"] == "polls failed" and found[0]["from"] < found[0]["to"], found
    print("ok: polls that failed are a gap of their source, once they work again")


def polls_that_fail_when_it_ends(instance):
    """What an end or a reload of the collector ends, too: nobody will know when it began."""
    reload = lambda: os.kill(int((instance.dir / "supervisor.pid").read_text()), signal.SIGHUP)
    for end in (reload, lambda: instance.word("down")):
        wait_for("polls that work", lambda: counted(instance, "polls") > 0 and
                 counted(instance, "sources_failing") == 0)
        before, failed = len(gaps(instance)), counted(instance, "polls_failed")
        Server.good = False
        wait_for("a failing poll", lambda: counted(instance, "polls_failed") > failed)
        end()
        found = wait_for("the gap", lambda: gaps(instance)[before:])
        assert found[0]["source"] == "polled" and found[0]["reason"] == "polls failed", found
        Server.good = True
    instance.up()
    print("ok: a gap ends with the collector, and with its configuration")


def frames_that_never_come(instance, port):
    client = Pusher(f"tcp://127.0.0.1:{port}", instance.alerts_endpoint(), "pushed", "c-1")

    def send(n):
        client.n = n - 1
        now = int(time.time() * 1e6)
        client.send(rows={"pair": ["A"], "t": [now], "v": [n]})

    send(1)
    client.settle()
    send(5)  # and never 2, 3, 4; waited for, for ten seconds
    client.settle(60)
    client.close()
    found = [gap for gap in gaps(instance) if gap["reason"] == "frames never came"]
    assert len(found) == 1, found
    gap = found[0]
    assert (gap["source"], gap["client"], gap["from_n"], gap["to_n"]) == ("pushed", "c-1", 2, 4)
    print("ok: frames 2 to 4 that never came are a gap")


def a_time_without_collector(instance):
    before = gaps(instance)
    instance.word("down")
    began = time.time()
    time.sleep(AWAY_S)  # the outage itself
    instance.up()
    found = wait_for("the gap", lambda: gaps(instance)[len(before):])
    assert len(found) == 1 and found[0]["reason"] == "no collector ran", found
    assert found[0]["source"] == ""
    assert len(gaps(instance)) == len(before) + 1
    text = instance.word("stage", "gaps", "-c", instance.config).stdout
    # Ends before may have been as long, on a busy machine.
    ran_not = sum(gap["reason"] == "no collector ran" for gap in before) + 1
    assert text.count("no collector ran") == ran_not and "2..4 of c-1" in text, text
    assert time.time() - began > AWAY_S
    print("ok: a time without a collector is a gap of the stream")


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    push = free_port()
    with Instance(CONFIG.format(http=server.server_port, push=push)) as instance:
        instance.up()
        polls_that_fail(instance)
        polls_that_fail_when_it_ends(instance)
        frames_that_never_come(instance, push)
        a_time_without_collector(instance)
    server.shutdown()


if __name__ == "__main__":
    main()
