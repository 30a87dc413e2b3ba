#!/usr/bin/python3
"""Alerts, put into the outbox as transform does, reach the alert socket and the alert log, in order and
under the same ids; the readers of the documentation understand them.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import collections
import json
import os
import socket
import subprocess
import sys
import time
import unittest

import zmq

from notified import ROOT, TIDEWIRE, FlowTest, encode, wait_for


class Publishing(FlowTest):
    def test_alerts_reach_the_socket_and_the_log_in_order(self):
        """Also those that waited in the outbox before broker and notifier were there."""
        ids = []
        for series in range(40):
            ids += self.put("spike", f"candle:test:P{series}", 5)
        broker = self.start_broker()
        subscriber = self.subscribe()
        notifier = self.start("notifier")
        for series in range(40):
            ids += self.put("spike", f"candle:test:P{series}", 5)
        wait_for("all alerts on the socket", lambda: subscriber.ids() == set(ids))
        wait_for("an empty outbox", lambda: self.waiting() == 0)

        last = collections.Counter()
        for topic, alert in subscriber.alerts:
            self.assertEqual(topic, f"alert/spike/{alert['series']}/")
            self.assertGreater(alert["seq"], last[topic])  # in order, none twice
            last[topic] = alert["seq"]
            self.assertLess(abs(alert["at"] / 1e6 - time.time()), 60)
        heard = {alert["id"]: alert for _, alert in subscriber.alerts}
        logged = self.logged()
        self.assertEqual(sorted(entry["id"].decode() for entry in logged), sorted(ids))
        for entry in logged:
            body = json.loads(entry["body"])
            self.assertEqual(body, heard[body["id"]])
            self.assertEqual(entry["rule"], b"spike")
            self.assertEqual(entry["series"].decode(), body["series"])
            self.assertEqual(int(entry["ts"]), body["ts"])
            self.assertEqual(int(entry["seq"]), body["seq"])
            self.assertEqual(entry["severity"], b"warning")
            self.assertEqual(entry["topic"].decode(), f"alert/spike/{body['series']}/")
        status = wait_for("figures", lambda: (fields := self.actor("notifier")) and
                          fields["published"] == "400" and fields)
        self.assertEqual(status["state"], "active")
        self.assertEqual(status["lag"], "0")
        self.assertEqual(status["brokers"], "1")
        self.assertLess(self.stop(notifier), 4)
        self.assertLess(self.stop(broker), 4)
        self.assertIsNone(self.actor("notifier"))
        self.assertIsNone(self.actor("broker"))

    def test_hugz_once_a_second(self):
        self.start_broker()
        subscriber = self.subscribe()
        wait_for("signs of life", lambda: len(subscriber.hugz) >= 8)
        times = [at for at, _ in subscriber.hugz[1:8]]  # the first comes at once
        self.assertAlmostEqual((times[-1] - times[0]) / (len(times) - 1), 1, delta=0.25)
        self.assertEqual(subscriber.hugz[0][1]["v"], 1)
        self.assertLess(abs(subscriber.hugz[0][1]["at"] / 1e6 - time.time()), 60)

    def test_a_new_broker_is_found(self):
        broker = self.start_broker()
        first = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts by the first broker", lambda: first.ids() == set(ids))
        broker.kill()
        broker.wait()
        wait_for("the registry to forget it", lambda: not self.actor("broker"))
        self.start_broker()
        second = self.subscribe()
        more = self.put("spike", "s:1", 3)
        wait_for("alerts by the second broker", lambda: set(more) <= second.ids())
        self.assertEqual(len(self.logged()), 6)

    def test_a_broker_comes_back_where_its_readers_wait(self):
        broker = self.start_broker()
        reader = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts", lambda: reader.ids() == set(ids))
        broker.kill()
        broker.wait()
        self.start("broker")
        heard = len(reader.hugz)
        wait_for("the same reader hears the next broker", lambda: len(reader.hugz) > heard)
        more = self.put("spike", "s:1", 3)
        wait_for("its alerts", lambda: set(more) <= reader.ids())
        # A port that somebody else has taken is no reason not to start.
        broker = self.processes[-1]
        port = int(self.endpoint.rsplit(":", 1)[1])
        broker.kill()
        broker.wait()
        with socket.create_server(("127.0.0.1", port)):
            self.start("broker")
            wait_for("another port", lambda: (b := self.actor("broker")) and
                     b["alerts"] != f"tcp://127.0.0.1:{port}")

    def test_alerts_go_on_without_any_broker(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("the log", lambda: len(self.logged()) == 3)
        wait_for("the webhooks", lambda: len(set(self.receiver.ids())) == 3)
        self.assertEqual({i.split("-")[0] for i in self.receiver.ids()}, set(ids))

    def test_what_is_no_alert_is_left_out_and_stops_nothing(self):
        self.start_broker()
        subscriber = self.subscribe()
        notifier = self.start("notifier")
        good = encode("spike", "s:1", 1, "0" * 32)
        for body in (b"", b"\xc1", good[:-1], good + b"\0", b"\xdf\xff\xff\xff\xff",
                     os.urandom(300)):
            self.redis.xadd("nt:o:{3}", {"id": "0" * 32, "topic": "alert/x/y/", "body": body})
        self.redis.xadd("nt:o:{3}", {"id": "not hex", "topic": "alert/x/y/", "body": good})
        self.redis.xadd("nt:o:{3}", {"nonsense": "1"})
        self.redis.set("nt:subs:odd", "a person's mistake")
        ids = self.put("odd", "s:odd", 1) + self.put("spike", "s:2", 2)
        wait_for("the good ones", lambda: subscriber.ids() == set(ids))
        wait_for("an empty outbox", lambda: self.waiting() == 0)
        status = wait_for("figures", lambda: (fields := self.actor("notifier")) and
                          fields["malformed"] == "8" and fields)
        self.assertEqual(status["unplanned"], "1")
        self.assertEqual(len(self.logged()), 3)
        self.assertIsNone(notifier.poll())

    def test_hostile_readers_harm_nobody(self):
        broker = self.start_broker()
        context = zmq.Context.instance()
        rude = [context.socket(zmq.XSUB) for _ in range(2)]
        for reader in rude:
            reader.setsockopt(zmq.LINGER, 0)
            reader.connect(self.endpoint)
        rude[0].send(b"\2no subscription at all")
        rude[1].send(b"\1" + b"x" * 100_000)
        raw = socket.create_connection(("127.0.0.1", int(self.endpoint.rsplit(":", 1)[1])))
        raw.sendall(os.urandom(4096))
        subscriber = self.subscribe()
        self.start("notifier")
        ids = self.put("spike", "s:1", 3)
        wait_for("alerts", lambda: subscriber.ids() == set(ids))
        self.assertIsNone(broker.poll())
        wait_for("figures", lambda: (f := self.actor("broker")) and int(f["refused"]) >= 1)
        self.assertFalse(rude[1].poll(0))
        raw.close()
        for reader in rude:
            reader.close()

    def test_a_taken_port_is_told_with_the_way_out(self):
        holder = zmq.Context.instance().socket(zmq.XPUB)
        port = holder.bind_to_random_port("tcp://127.0.0.1")
        config = self.write_config("taken.yaml", f"tcp://127.0.0.1:{port}")
        broker = self.start("broker", config=config)
        self.assertEqual(broker.wait(10), 1)
        log = self.log_of("broker")
        self.assertIn("Address already in use", log)
        self.assertIn("listen.alerts", log)
        self.assertIn("taken.yaml", log)
        holder.close()


class Examples(FlowTest):
    def test_subscribers_of_the_documentation(self):
        self.start_broker()
        self.start("notifier")
        program = f"{self.dir}/subscribe"
        flags = subprocess.check_output(["pkg-config", "--cflags", "--libs", "libzmq", "msgpack",
                                         "hiredis"])
        clients = ROOT / "docs/clients"
        subprocess.check_call(["cc", clients / "subscribe.c", clients / "tidewire_curve.c", "-o", program] +
                              flags.decode().split())
        python = subprocess.Popen(
            ["/usr/bin/python3", str(ROOT / "docs/clients/subscribe.py"), "--alerts",
             self.endpoint, "--topic", "alert/spike/", "--count", "6"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        c = subprocess.Popen([program, self.endpoint, "alert/spike/s:1/", "5"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes += [python, c]
        self.assertEqual(python.stderr.readline(), f"subscribed to {self.endpoint}\n")
        time.sleep(3)  # until the one in C, which does not say so, has subscribed
        ids = self.put("spike", "s:1", 2)
        self.put("other", "s:1", 1)
        self.redis.xadd("nt:o:{0}", {  # the same again, as after a crash
            "id": ids[0], "topic": "alert/spike/s:1/",
            "body": encode("spike", "s:1", 1, ids[0])})
        self.seqs["spike", "s:1"] += 1  # one that never comes
        ids += self.put("spike", "s:1", 3)
        ids += self.put("spike", "s:2", 1)
        out, errors = python.communicate(timeout=20)
        self.assertEqual({json.loads(line)["id"] for line in out.splitlines()}, set(ids))
        self.assertEqual(len(out.splitlines()), 6)
        self.assertIn("gap: alert/spike/s:1/ 3..3 missing", errors)
        out, errors = c.communicate(timeout=20)
        self.assertEqual([line.split()[0] for line in out.splitlines()], ids[:5])
        self.assertIn("gap: alert/spike/s:1/ 3..3 missing", errors)


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
