#!/usr/bin/python3
"""Webhooks: who is told, what an answer means, and that nobody who is slow or dead holds up others.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import base64
import collections
import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import time
import unittest

from notified import HIDDEN_S, KEY, SECRET, TIDEWIRE, FlowTest, Receiver, wait_for


class Delivering(FlowTest):
    def setUp(self):
        super().setUp()
        self.start_broker()
        self.notifier = self.start("notifier")
        wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")

    def test_signed_and_tried_again_under_the_same_id(self):
        self.receiver.plan = lambda path, number: (500 if number <= 2 else 200, {}, b"thanks")
        self.add_subscriber("al.ice", "spike", webhook=self.receiver.url(), secret=SECRET)
        ident, = self.put("spike", "s:1")
        wait_for("success", lambda: self.delivery(ident, "al.ice") == "done 3")
        times = [at for at, *_ in self.receiver.got]
        self.assertEqual(len(times), 3)
        self.assertGreater(times[1] - times[0], 0.9)  # 1 s, then 5 s, and up to a fifth more
        self.assertGreater(times[2] - times[1], 4.9)
        self.assertLess(times[2] - times[0], 15)
        for _, path, headers, body in self.receiver.got:
            self.assertEqual(path, "/hook")
            self.assertEqual(headers["webhook-id"], f"{ident}-al%2Eice")
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertLess(abs(int(headers["webhook-timestamp"]) - time.time()), 30)
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + expected)
            alert = json.loads(body)
            self.assertEqual(alert["id"], ident)
            self.assertEqual(alert["evidence"][0]["rows"], 60)
        self.assertEqual({body for *_, body in self.receiver.got}, {self.receiver.got[0][3]})

    def test_only_subscribers_of_this_rule_and_series_are_told(self):
        for name in ("all", "one", "other", "nobody"):
            self.redis.hset(f"nt:subscriber:{name}", "webhook", self.receiver.url(f"/{name}"))
        self.redis.hset("nt:subscriber:mail", "email", "a@example.com")
        self.redis.sadd("nt:subs:spike", "all", "mail", "missing", "bad name\r\nX: y")
        self.redis.sadd("nt:subs:spike:s:1", "one", "all")
        self.redis.sadd("nt:subs:other", "other")
        ids = self.put("spike", "s:1") + self.put("spike", "s:2")
        wait_for("three webhooks", lambda: len(self.receiver.got) == 3)
        time.sleep(1)
        paths = sorted(path for _, path, *_ in self.receiver.got)
        self.assertEqual(paths, ["/all", "/all", "/one"])
        self.assertNotIn("webhook-signature", self.receiver.got[0][2])
        # Those who cannot be told stand beside them, with the reason.
        self.assertEqual(self.redis.hgetall(f"nt:delivery:{ids[0]}"), {
            b"all": b"done 1", b"one": b"done 1", b"missing": b"dead 0 there is no such subscriber",
            b"mail/email": b"dead 0 the configuration has no `smtp`"})
        wait_for("the figure", lambda: self.actor("notifier").get("untold") == "6")

    def test_alerts_alone_are_for_those_who_listen(self):
        """Subscribers are told of incidents; the socket and the log have everything."""
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        self.redis.hset("nt:status:spike", "state", "ok")
        subscriber = self.subscribe()
        kinds = ["alert", "firing", "correction", "still", "resolved", "alert"]
        ids = [self.put("spike", "s:1", kind=kind)[0] for kind in kinds]
        wait_for("the log", lambda: len(self.logged()) == len(ids))
        self.assertEqual([entry["kind"].decode() for entry in self.logged()], kinds)
        wait_for("all on the socket", lambda: subscriber.ids() == set(ids))
        told = {f"{ident}-alice" for ident, kind in zip(ids, kinds)
                if kind in ("firing", "still", "resolved")}
        wait_for("the webhooks", lambda: set(self.receiver.ids()) == told)
        time.sleep(0.5)
        self.assertEqual(set(self.receiver.ids()), told)
        self.assertEqual(self.redis.hget("nt:status:spike", "alerts"), b"2")
        view = self.redis.hgetall("nt:incident:spike:s:1")
        self.assertEqual((view[b"state"], view[b"id"].decode()), (b"resolved", ids[4]))
        self.assertEqual(json.loads(view[b"body"])["id"], ids[4])
        self.assertGreater(self.redis.ttl("nt:incident:spike:s:1"), 600_000)
        again, = self.put("spike", "s:1", kind="still")
        wait_for("the view", lambda: self.redis.hget("nt:incident:spike:s:1", "id") == again.encode())
        self.assertEqual(self.redis.hget("nt:incident:spike:s:1", "state"), b"firing")
        self.assertEqual(self.redis.ttl("nt:incident:spike:s:1"), -1)

    def test_a_410_switches_this_address_off(self):
        self.receiver.plan = lambda path, number: (410, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        first, = self.put("spike", "s:1")
        wait_for("the end", lambda: self.delivery(first, "alice").startswith("dead 1 HTTP 410"))
        self.assertEqual(self.redis.hget("nt:subscriber:alice", "gone").decode(),
                         self.receiver.url())
        second, = self.put("spike", "s:1")
        wait_for("the log", lambda: len(self.logged()) == 2)
        time.sleep(0.5)
        self.assertEqual(len(self.receiver.got), 1)
        self.assertRegex(self.delivery(second, "alice"), "^dead 0 the webhook answered 410")
        self.receiver.plan = lambda path, number: (200, {}, b"")
        self.redis.hset("nt:subscriber:alice", "webhook", self.receiver.url("/new"))
        third, = self.put("spike", "s:1")
        wait_for("success", lambda: self.delivery(third, "alice") == "done 1")

    def test_retry_after_is_honoured(self):
        counts = collections.Counter()

        def plan(path, number):
            counts[path] += 1
            later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 4))
            asked = {"/seconds": "3", "/date": later}[path]
            return (429, {"Retry-After": asked}, b"") if counts[path] == 1 else (200, {}, b"")
        self.receiver.plan = plan
        for path in ("/seconds", "/date"):
            self.add_subscriber(path[1:], "spike", webhook=self.receiver.url(path))
        ident, = self.put("spike", "s:1")
        for path in ("/seconds", "/date"):
            wait_for(path, lambda: self.delivery(ident, path[1:]) == "done 2")
            one, two = [at for at, where, *_ in self.receiver.got if where == path]
            self.assertGreater(two - one, 2.5)
            self.assertLess(two - one, 15)

    def test_redirects_are_not_followed_and_long_answers_not_read(self):
        self.receiver.plan = lambda path, number: (
            (302, {"Location": self.receiver.url("/elsewhere")}, b"") if path == "/moved" else
            (200, {}, b"x" * 10_000_000))
        self.add_subscriber("moved", "spike", webhook=self.receiver.url("/moved"))
        self.add_subscriber("chatty", "spike", webhook=self.receiver.url("/chatty"))
        ident, = self.put("spike", "s:1")
        wait_for("the chatty one", lambda: self.delivery(ident, "chatty") == "done 1")
        wait_for("a retry", lambda: self.delivery(ident, "moved").startswith("retry"))
        self.assertIn("HTTP 302", self.delivery(ident, "moved"))
        self.assertNotIn("/elsewhere", [path for _, path, *_ in self.receiver.got])

    def test_few_at_once_to_one_host_and_others_are_not_held_up(self):
        other = Receiver()
        self.closers.append(other.close)
        self.receiver.plan = lambda path, number: (time.sleep(0.3), (200, {}, b""))[1]
        self.add_subscriber("slow", "spike", webhook=self.receiver.url())
        self.add_subscriber("quick", "spike", webhook=other.url())
        ids = []
        for series in range(24):
            ids += self.put("spike", f"s:{series}")
        wait_for("the quick one", lambda: len(set(other.ids())) == 24)
        wait_for("all", lambda: all(self.delivery(i, "slow").startswith("done") for i in ids),
                 2 * HIDDEN_S)
        self.assertEqual(self.receiver.most, 4)
        self.assertEqual(len(self.receiver.ids()), 24)

    def test_a_dead_receiver_holds_up_nobody_else(self):
        silent = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.closers.append(silent.close)
        self.add_subscriber("dead", "flood", webhook=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        self.add_subscriber("live", "spike", webhook=self.receiver.url())
        for series in range(500):
            self.put("flood", f"s:{series}")
        wait_for("the flood", lambda: self.waiting() == 0)
        ident, = self.put("spike", "s:1")
        wait_for("the live one", lambda: self.delivery(ident, "live") == "done 1", 5)

    def test_many_subscribers_of_one_dead_host_hold_up_nobody_else(self):
        silent = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.closers.append(silent.close)
        for number in range(300):
            self.add_subscriber(f"dead{number}", "flood",
                                webhook=f"http://127.0.0.1:{silent.getsockname()[1]}/{number}")
        self.add_subscriber("live", "spike", webhook=self.receiver.url())
        crowd, = self.put("flood", "s:1")
        wait_for("the flood", lambda: self.waiting() == 0)
        ident, = self.put("spike", "s:1")
        wait_for("the live one", lambda: self.delivery(ident, "live") == "done 1", 5)
        # Waiting for a turn counts as no attempt.
        self.assertEqual(collections.Counter(self.redis.hvals(f"nt:delivery:{crowd}")),
                         {b"pending 0": 300})

    def test_mistakes_of_people_are_told_in_the_delivery(self):
        self.add_subscriber("badsecret", "spike", webhook=self.receiver.url(), secret="hunter2")
        self.add_subscriber("badurl", "spike", webhook="example.com/hook")
        self.add_subscriber("badscheme", "spike", webhook="ftp://127.0.0.1/hook")
        self.add_subscriber("closed", "spike", webhook="http://127.0.0.1:1/")
        ident, = self.put("spike", "s:1")
        expected = {"badsecret": "whsec_", "badurl": "not a URL",
                    "badscheme": "neither http nor https", "closed": "onnect"}
        for name, reason in expected.items():
            text = wait_for(name, lambda: (t := self.delivery(ident, name)).startswith("retry") and t)
            self.assertIn(reason, text)
        self.assertEqual(self.receiver.got, [])
        # A mended subscriber heals the delivery that waits.
        self.redis.hset("nt:subscriber:badsecret", "secret", SECRET)
        wait_for("success", lambda: self.delivery(ident, "badsecret").startswith("done"))

    def test_two_notifiers_share_the_deliveries(self):
        """Each carries those of its recipients; who dies leaves its to the other."""
        second = self.start("notifier", "n2")
        wait_for("a standby", lambda: (f := self.actor("notifier", "n2")) and f["state"] == "standby")
        names = [f"s{number}" for number in range(20)]
        for name in names:
            self.add_subscriber(name, "spike", webhook=self.receiver.url(f"/{name}"))
        ids = []

        def shared():
            ids.extend(self.put("spike", "s:0"))
            time.sleep(0.3)
            return self.carried("n2") > 0
        wait_for("both to have seen each other", shared)
        ids += [ident for _ in range(10) for ident in self.put("spike", "s:1")]
        wait_for("all", lambda: len(self.receiver.got) >= len(names) * len(ids), 30)
        time.sleep(0.5)
        by_path = collections.defaultdict(list)
        for _, path, headers, _ in self.receiver.got:
            by_path[path].append(headers["webhook-id"].split("-")[0])
        self.assertEqual({path: sorted(told) for path, told in by_path.items()},
                         {f"/{name}": sorted(ids) for name in names})  # each once
        wait_for("their figures", lambda: self.carried("notifier") + self.carried("n2") == len(names) * len(ids))
        self.assertGreater(min(self.carried("notifier"), self.carried("n2")), 40)
        self.receiver.plan = lambda path, number: (503, {}, b"")
        self.put("spike", "s:2")
        wait_for("the figure", lambda: self.pending("notifier") == len(names))
        time.sleep(1.5)
        self.assertEqual(self.pending("n2"), 0)  # whoever adds them up counts each once
        self.receiver.plan = lambda path, number: (204, {}, b"")
        second.kill()
        last, = self.put("spike", "s:1")
        wait_for("the last one, by the other",
                 lambda: all(self.delivery(last, name).startswith("done") for name in names),
                 HIDDEN_S + 10)


class Public(FlowTest):
    allow_private = False

    def test_private_addresses_are_refused(self):
        self.start("notifier")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        text = wait_for("a refusal", lambda: (t := self.delivery(ident, "alice"))
                        .startswith("retry") and t)
        self.assertIn("127.0.0.1 is a private address", text)
        self.assertEqual(self.receiver.got, [])
        # SIGHUP takes the changed setting over.
        self.allow_private = True
        self.write_config("site.yaml", "tcp://127.0.0.1:*")
        self.processes[-1].send_signal(signal.SIGHUP)
        wait_for("success", lambda: self.delivery(ident, "alice").startswith("done"))


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
