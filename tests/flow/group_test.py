#!/usr/bin/python3
"""One event in many series is one letter, to a subscriber who wants it so: what comes within a while,
of one rule and kind, goes together, in every format, and none of it is lost.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import json
import os
import signal
import sys
import time
import unittest

from channels_test import ChannelTest
from notified import HIDDEN_S, TIDEWIRE, WAIT_S, wait_for

SHOWN = 20  # of one letter


class Groups(ChannelTest):
    def means(self):
        return ('gateways:\n  sms:\n    url: "' + self.receiver.url("/sms") + '"\n'
                '    type: text/plain\n    body: "{{title}}"\n')

    def got(self, path):
        return [(headers["webhook-id"], json.loads(body))
                for _, where, headers, body in self.receiver.got if where == path]

    def news(self, count, kind="firing", rule="spike", first=0):
        return [self.put(rule, f"s:{i}", kind=kind)[0] for i in range(first, first + count)]

    def settled(self, ids, recipient, state="done 1", seconds=WAIT_S):
        for ident in ids:
            self.settle(ident, recipient, state, seconds)

    def test_many_series_are_one_letter_in_every_format(self):
        for name in ("json", "alertmanager", "cloudevents", "alertmanager-api"):
            self.add_subscriber(name, "spike", webhook=self.receiver.url(f"/{name}"), format=name,
                                group="8s")
        self.add_subscriber("chat", "spike", slack=self.receiver.url("/chat"),
                            sms="+49170", group="8s")
        ids = self.news(60)
        for recipient in ("json", "alertmanager", "cloudevents", "chat/slack", "chat/sms",
                          "alertmanager-api"):
            self.settled(ids, recipient, seconds=60)
        (ident, body), = self.got("/json")
        self.assertEqual(body["group"], {"rule": "spike", "kind": "firing", "count": 60,
                                         "shown": SHOWN})
        self.assertEqual(len({alert["id"] for alert in body["alerts"]}), SHOWN)
        self.assertLessEqual({alert["id"] for alert in body["alerts"]}, set(ids))
        self.assertEqual(ident, f"{body['alerts'][0]['id']}-json")
        (_, prometheus), = self.got("/alertmanager")
        self.assertEqual((len(prometheus["alerts"]), prometheus["truncatedAlerts"]),
                         (SHOWN, 60 - SHOWN))
        self.assertEqual(prometheus["groupLabels"], {"alertname": "spike"})
        self.assertEqual(prometheus["commonLabels"], {"alertname": "spike", "exchange": "test",
                                                      "severity": "warning"})
        (_, event), = self.got("/cloudevents")
        self.assertEqual((event["type"], event["data"]["group"]["count"]),
                         ("tidewire.firing.group", 60))
        (_, chat), = self.got("/chat")
        self.assertIn(" and 59 more*\n60 in all: s:", chat["text"])
        self.assertIn(f" and {60 - SHOWN} more\n", chat["text"])
        sms, = [body for _, where, _, body in self.receiver.got if where == "/sms"]
        self.assertTrue(sms.startswith(b"[warning] spike is firing on s:") and
                        sms.endswith(b" and 59 more"), sms)
        # Alertmanager itself groups by itself.
        self.assertEqual(len(self.got("/alertmanager-api")), 60)

    def test_kinds_rules_and_windows_stay_apart(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/a"), group="5s")
        self.redis.sadd("nt:subs:gap", "alice")
        firing, resolved = self.news(3), self.news(2, "resolved", first=10)
        other, alone = self.news(2, rule="gap"), self.news(1, "still", first=20)
        for ids in (firing, resolved, other, alone):
            self.settled(ids, "alice")
        later = self.news(2, first=30)
        self.settled(later, "alice")
        bodies = [body for _, body in self.got("/a")]
        counts = sorted((b["group"]["rule"], b["group"]["kind"], b["group"]["count"])
                        for b in bodies if "group" in b)
        self.assertEqual(counts, [("gap", "firing", 2), ("spike", "firing", 2),
                                  ("spike", "firing", 3), ("spike", "resolved", 2)])
        single, = [b for b in bodies if "group" not in b]
        self.assertEqual((single["id"], single["kind"]), (alone[0], "still"))

    def test_it_is_the_same_letter_at_every_attempt(self):
        """Refused, then cut off by kill -9 while it is sent: the same id and the same alerts."""
        hold = {"answer": (503, {}, b""), "sleep": 0}

        def plan(path, number):
            time.sleep(hold["sleep"])
            return hold["answer"]
        self.receiver.plan = plan
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/a"), group="1s")
        ids = self.news(5)
        self.settled(ids, "alice", "retry")
        self.assertTrue(all("HTTP 503" in self.delivery(i, "alice") for i in ids))
        hold.update(answer=(204, {}, b""), sleep=3)
        before = len(self.got("/a"))
        wait_for("the next attempt", lambda: len(self.got("/a")) > before)
        self.notifier.send_signal(signal.SIGKILL)
        self.notifier.wait()
        hold["sleep"] = 0
        late = self.news(2, first=10)  # in a letter of their own
        self.notifier = self.start("notifier")
        self.settled(ids, "alice", "done", HIDDEN_S + 20)
        self.settled(late, "alice", "done", HIDDEN_S + 20)
        letters = {}
        for ident, body in self.got("/a"):
            letters.setdefault(ident, set()).add(json.dumps([a["id"] for a in body["alerts"]]))
        self.assertEqual(len(letters), 2)
        self.assertTrue(all(len(bodies) == 1 for bodies in letters.values()), letters)
        wait_for("none that waits", lambda: self.redis.get("nt:{deliveries}:count") == b"0")
        self.assertFalse(list(self.redis.scan_iter("nt:{deliveries}:group:*")))
        self.assertFalse(list(self.redis.scan_iter("nt:{deliveries}:body:*")))

    def test_a_silence_is_heeded_for_those_that_go_with_another(self):
        """It comes when the letter is made, and is not over the one that it goes with."""
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/a"), group="8s")
        ids = self.news(45)
        wait_for("all in one letter", lambda: any(
            self.redis.llen(key) == 45 for key in self.redis.scan_iter("nt:{deliveries}:group:*")))
        letter, = self.redis.scan_iter("nt:{deliveries}:group:*")
        members = [i.decode() for i in self.redis.lrange(letter, 0, -1)]
        mute = [members[1], members[22], members[44]]
        self.redis.hset("nt:silence:a", mapping={
            "rule": "spike", "series": " ".join(f"s:{ids.index(i)}" for i in mute)})
        self.settled(mute, "alice", "silenced 0 a")
        told = [i for i in ids if i not in mute]
        self.settled(told, "alice")
        (_, body), = self.got("/a")
        self.assertEqual(body["group"]["count"], 42)
        self.assertFalse({alert["id"] for alert in body["alerts"]} & set(mute))
        self.redis.delete("nt:silence:a")
        self.settled(mute, "alice", seconds=25)
        self.assertEqual(self.redis.get("nt:{deliveries}:count"), b"0")

    def test_what_is_given_up_or_silenced_is_so_for_each(self):
        self.receiver.plan = lambda path, number: (410, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/a"), group="1s")
        ids = self.news(4)
        self.settled(ids, "alice", "dead 1 HTTP 410")
        self.receiver.plan = lambda path, number: (503, {}, b"")
        self.redis.hdel("nt:subscriber:alice", "gone")
        more = self.news(3, first=10)
        self.settled(more, "alice", "retry")
        self.redis.hset("nt:silence:a", mapping={"series": "s:10 s:11"})
        self.settled(more[:2], "alice", "silenced", 30)
        self.receiver.plan = lambda path, number: (204, {}, b"")
        self.settled(more[2:], "alice", "done", 30)
        self.redis.delete("nt:silence:a")
        self.settled(more[:2], "alice", "done", 30)
        self.add_subscriber("odd", "spike", webhook=self.receiver.url("/odd"), group="soon")
        last, = self.news(1, first=20)
        self.assertIn("`group` is not of the form 30s", self.settle(last, "odd", "retry 1"))


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
