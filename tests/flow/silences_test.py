#!/usr/bin/python3
"""Silences, as people write them with redis-cli: who would be told of a rule and series over which
there is one is not told, until it is over. The alert socket and the alert log know nothing of it.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import os
import signal
import sys
import time
import unittest

import redis

from channels_test import ChannelTest
from notified import TIDEWIRE, wait_for


class Silences(ChannelTest):
    def setUp(self):
        super().setUp()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        self.add_subscriber("bob", "spike", slack=self.receiver.url("/chat"))

    def silence(self, name, **fields):
        self.redis.hset(f"nt:silence:{name}", mapping=fields)
        return self.answer(name, "ok")

    def answer(self, name, state):
        def answered():
            fields = self.redis.hgetall(f"nt:status:silence:{name}")
            return fields if fields.get(b"state") == state.encode() else None
        return wait_for(f"{name}: {state}", answered)

    def news(self, kind, series="s:1"):
        return self.put("spike", series, kind=kind)[0]

    def test_nobody_is_told_but_log_and_socket(self):
        self.start_broker()
        reader = self.subscribe()
        self.silence("works", rule="sp*", series="s:1 t:*", by="carol", why="maintenance")
        silenced, other = self.news("firing"), self.news("firing", "s:2")
        self.settle(other, "alice")
        self.settle(silenced, "alice", "silenced 0 works")
        self.settle(silenced, "bob/slack", "silenced 0 works")
        wait_for("both on the socket", lambda: reader.ids() == {silenced, other})
        self.assertEqual(self.redis.xlen("nt:alerts"), 2)
        self.assertEqual(self.receiver.ids().count(f"{silenced}-alice"), 0)
        wait_for("the figure", lambda: self.actor("notifier").get("silenced") == "2")
        # DEL ends it: the incident fires still, and each is told once.
        self.redis.delete("nt:silence:works")
        self.settle(silenced, "alice")
        self.settle(silenced, "bob/slack")
        self.assertEqual(self.receiver.ids().count(f"{silenced}-alice"), 1)
        self.assertEqual(self.redis.exists("nt:status:silence:works"), 0)

    def test_until_and_expire_end_it(self):
        self.silence("a", rule="spike", until=str(int(time.time()) + 10))
        self.redis.hset("nt:silence:b", mapping={"rule": "none"})
        self.redis.pexpire("nt:silence:b", 1000)
        self.silence("b", rule="none")
        first = self.news("firing")
        self.settle(first, "alice", "silenced")
        second = self.news("still")
        self.settle(second, "alice", "silenced")
        self.settle(first, "alice", "skipped")
        over = self.news("firing", "s:2"), self.news("resolved", "s:2")
        self.settle(second, "alice", seconds=30)  # the newest alone, when its time is over
        self.settle(over[1], "alice", "skipped")
        wait_for("no answer to b", lambda: not self.redis.exists("nt:status:silence:b"))
        self.assertEqual(self.redis.hget("nt:status:silence:a", "state"), b"ok")
        self.assertEqual([i for i in self.receiver.ids() if i.endswith("-alice")],
                         [f"{second}-alice"])

    def test_who_was_told_of_the_beginning_is_told_of_the_end(self):
        first = self.news("firing")
        self.settle(first, "alice")
        self.silence("a", series="s:*")
        last = self.news("resolved")
        self.settle(last, "alice", "silenced")
        self.redis.delete("nt:silence:a")
        self.settle(last, "alice")

    def test_what_a_late_row_begins_is_told_at_the_end(self):
        """An incident may begin in event time before the one before it ended: the order is that of
        the topic."""
        before, = self.put("spike", "s:1", kind="firing", at=100)
        self.settle(before, "alice")
        self.silence("a", rule="spike")
        ended, = self.put("spike", "s:1", kind="resolved", at=500)
        begun, = self.put("spike", "s:1", kind="firing", at=200)
        self.settle(begun, "alice", "silenced")
        self.settle(ended, "alice", "skipped")
        self.redis.delete("nt:silence:a")
        self.settle(begun, "alice")

    def test_what_waited_is_silenced_too(self):
        self.receiver.plan = lambda path, number: (503, {}, b"")
        first = self.news("firing")
        self.settle(first, "alice", "retry")
        self.silence("a", rule="*")
        self.receiver.plan = lambda path, number: (204, {}, b"")
        self.settle(first, "alice", "silenced", 30)
        self.redis.delete("nt:silence:a")
        self.settle(first, "alice", "done")

    def test_a_bad_one_silences_nothing_and_says_why(self):
        self.redis.set("nt:silence:d", "text")  # seen with the next; of SET we are not told
        for name, fields, why in (("a", {"rule": "*", "until": "soon"}, b"`until`"),
                                  ("b", {"why": "no"}, b"neither `rule` nor `series`"),
                                  ("c", {"rule": "r" * 600}, b"longer than 512")):
            self.redis.hset(f"nt:silence:{name}", mapping=fields)
            self.assertIn(why, self.answer(name, "error")[b"error"])
        self.assertIn(b"no hash", self.answer("d", "error")[b"error"])
        self.settle(self.news("firing"), "alice")
        self.redis.hset("nt:silence:a", "until", "2999-01-01T00:00:00Z")  # mended
        self.assertEqual(self.answer("a", "ok")[b"error"], b"")
        self.settle(self.news("still"), "alice", "silenced 0 a")

    def test_answers_that_cannot_be_written_stop_nothing(self):
        """Redis is full, or something else stands where the answer is to be."""
        self.start_broker()
        reader = self.subscribe()
        self.silence("a", rule="other")
        time.sleep(1)  # so that the next look is made at once, before anything is published
        os.kill(self.notifier.pid, signal.SIGSTOP)
        ids = self.put("spike", "s:1", 3)
        self.redis.config_set("maxmemory", 1000)
        self.redis.expire("nt:silence:a", 5000)  # a change: it is looked at, and answered
        os.kill(self.notifier.pid, signal.SIGCONT)
        wait_for("all on the socket", lambda: reader.ids() >= set(ids))
        wait_for("an empty outbox", lambda: self.waiting() == 0)
        wait_for("a line of it", lambda: "answers to silences cannot be written" in
                 self.log_of("notifier"))
        self.redis.config_set("maxmemory", 0)
        self.redis.delete("nt:status:silence:a")
        self.redis.set("nt:status:silence:a", "text")
        self.silence("b", rule="spike")
        self.settle(self.news("still"), "alice", "silenced 0 b")
        wait_for("a hash", lambda: self.redis.type("nt:status:silence:a") == b"hash")
        self.answer("a", "ok")
        self.assertEqual(self.log_of("notifier").count("answers to silences"), 1)

    def test_who_may_not_read_silences_goes_on_without(self):
        """A user of Redis that was made for an older version: its rights lack some commands."""
        self.silence("a", rule="spike")
        self.settle(self.news("firing"), "alice", "silenced")
        self.redis.execute_command("ACL", "SETUSER", "tester", "on", "nopass", "~*", "&*", "+@all")
        self.redis = redis.Redis(unix_socket_path=self.socket, username="tester", password="x")
        commands = ("-scan", "-pexpiretime", "-psubscribe")
        self.redis.execute_command("ACL", "SETUSER", "default", *commands)
        self.redis.hset("nt:silence:b", "rule", "other")  # a look that fails: those known hold
        wait_for("a line of it", lambda: "silences cannot be read" in self.log_of("notifier"))
        self.settle(self.news("still"), "alice", "silenced 0 a")
        wait_for("the figure", lambda: self.actor("notifier").get("silences_unread") == "1")
        self.stop(self.notifier)
        self.notifier = self.start("notifier")  # it has never known any
        self.start_broker()
        reader = self.subscribe()
        told = self.news("still")
        self.settle(told, "alice", seconds=20)
        wait_for("it on the socket", lambda: told in reader.ids())
        self.redis.execute_command("ACL", "SETUSER", "default", "+@all")
        wait_for("its reading", lambda: self.actor("notifier").get("silences_unread") == "0", 20)
        self.settle(self.news("still"), "alice", "silenced 0 a")

    def test_a_notifier_that_is_killed_forgets_none(self):
        self.silence("a", rule="spike")
        first = self.news("firing")
        self.settle(first, "alice", "silenced")
        self.notifier.send_signal(signal.SIGKILL)
        self.notifier.wait()
        self.redis.delete("nt:silence:a")  # nobody hears of it
        self.redis.hset("nt:silence:b", mapping={"rule": "spike", "series": "s:2"})
        other = self.news("firing", "s:2")
        self.notifier = self.start("notifier")
        self.settle(first, "alice", seconds=20)
        self.settle(other, "alice", "silenced 0 b")
        wait_for("no answer to a", lambda: not self.redis.exists("nt:status:silence:a"))

    def test_without_notifications_it_is_found_within_ten_seconds(self):
        self.redis.config_set("notify-keyspace-events", "")
        self.redis.hset("nt:silence:a", mapping={"rule": "spike"})
        self.redis.client_kill_filter(_type="pubsub")
        self.redis.config_set("notify-keyspace-events", "")
        self.answer("a", "ok")


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
