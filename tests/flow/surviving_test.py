#!/usr/bin/python3
"""Whatever is killed, paused or emptied between the outbox and those who are to be told: each alert is
published and told under its one id.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import collections
import os
import random
import shutil
import signal
import sys
import time
import unittest

from notified import HIDDEN_S, LEASE_S, SECRET, TIDEWIRE, FlowTest, encode, wait_for


class Surviving(FlowTest):
    def test_kill_9_of_the_notifier_loses_and_renames_nothing(self):
        self.start_broker()
        subscriber = self.subscribe()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), secret=SECRET)
        dice, ids = random.Random(7), []
        for kill in range(6):
            notifier = self.start("notifier")
            wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")
            seen = len(self.receiver.got)
            for series in range(8):
                ids += self.put("spike", f"s:{series}", 10)
            wait_for("work", lambda: len(self.receiver.got) > seen)
            if kill < 5:
                time.sleep(dice.uniform(0, 0.08))
                notifier.kill()
                notifier.wait()
        wait_for("an empty outbox", lambda: self.waiting() == 0)
        wanted = {f"{ident}-alice" for ident in ids}
        wait_for("every webhook", lambda: set(self.receiver.ids()) == wanted, 3 * HIDDEN_S)
        wait_for("every outcome", lambda: all(self.delivery(i, "alice").startswith("done")
                                              for i in ids), 3 * HIDDEN_S)
        self.assertEqual(sorted(entry["id"].decode() for entry in self.logged()), sorted(ids))
        self.assertEqual(subscriber.ids(), set(ids))
        bodies = collections.defaultdict(set)
        for _, _, headers, body in self.receiver.got:
            bodies[headers["webhook-id"]].add(body)
        self.assertEqual({len(kinds) for kinds in bodies.values()}, {1})  # the same bytes each time

    def test_kill_9_of_redis(self):
        self.start_broker()
        subscriber = self.subscribe()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        notifier = self.start("notifier")
        ids = self.put("spike", "s:1", 50)
        wait_for("first alerts", lambda: len(subscriber.alerts) > 10)
        self.redis_process.kill()
        self.redis_process.wait()
        time.sleep(0.5)
        self.start_redis()
        ids += self.put("spike", "s:1", 50)
        wait_for("the alerts", lambda: subscriber.ids() == set(ids), 30)
        wait_for("the log", lambda: len(self.logged()) == len(ids), 30)
        wait_for("the webhooks", lambda: len(set(self.receiver.ids())) == len(ids), 2 * HIDDEN_S)
        self.assertIsNone(notifier.poll())

    def test_redis_comes_back_empty_and_uses_the_same_ids_again(self):
        """A position that outlived the connection would skip the second half."""
        self.start_broker()
        subscriber = self.subscribe()
        self.start("notifier")

        def put(seq):
            ident = f"{seq:032x}"
            self.redis.xadd("nt:o:{0}", {"id": ident, "topic": "alert/r/s:1/",
                                         "body": encode("r", "s:1", seq, ident)},
                            id=f"5-{(seq - 1) % 10 + 1}")
            return ident
        ids = {put(seq) for seq in range(1, 11)}
        wait_for("the first half", lambda: subscriber.ids() == ids and self.waiting() == 0)
        self.redis_process.kill()
        self.redis_process.wait()
        shutil.rmtree(f"{self.dir}/appendonlydir")
        self.start_redis()
        ids |= {put(seq) for seq in range(11, 21)}
        wait_for("the second half", lambda: subscriber.ids() == ids, 30)
        wait_for("the log", lambda: len(self.logged()) == 10)

    def test_another_notifier_stands_by(self):
        self.start_broker()
        subscriber = self.subscribe()
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        self.start("notifier", "n2")
        wait_for("a standby", lambda: (f := self.actor("notifier", "n2")) and f["state"] == "standby")
        ids = self.put("spike", "s:1", 5)
        wait_for("alerts by the first", lambda: subscriber.ids() == set(ids))
        first.kill()
        ids += self.put("spike", "s:1", 5)
        wait_for("alerts by the second", lambda: subscriber.ids() == set(ids), 4 * LEASE_S)
        self.assertEqual(self.actor("notifier", "n2")["state"], "active")
        wait_for("its figures", lambda: self.actor("notifier", "n2")["published"] == "5")

    def test_a_paused_notifier_changes_nothing_when_it_wakes(self):
        self.start_broker()
        subscriber = self.subscribe()
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        first.send_signal(signal.SIGSTOP)
        self.start("notifier", "n2")
        ids = self.put("spike", "s:1", 20)
        wait_for("alerts by the second", lambda: subscriber.ids() == set(ids), 4 * LEASE_S)
        first.send_signal(signal.SIGCONT)
        wait_for("the first to stand by",
                 lambda: (f := self.actor("notifier", "n1")) and f["state"] == "standby")
        ids += self.put("spike", "s:1", 20)
        wait_for("more alerts", lambda: subscriber.ids() == set(ids))
        self.assertEqual(len(self.logged()), 40)

    def test_sigterm_gives_the_role_away_at_once(self):
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        self.start("notifier", "n2")
        wait_for("a standby", lambda: (f := self.actor("notifier", "n2")) and f["state"] == "standby")
        self.stop(first)
        wait_for("the second", lambda: self.actor("notifier", "n2")["state"] == "active", LEASE_S - 1)

    def test_what_waits_for_its_host_is_handed_over_at_once(self):
        """Four are sent, others wait for a place; they are told by another without being missed."""
        self.receiver.plan = lambda path, number: (time.sleep(2.5), (204, {}, b""))[1]
        first = self.start("notifier", "n1")
        wait_for("the role", lambda: (f := self.actor("notifier", "n1")) and f["state"] == "active")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        ids = self.put("spike", "s:1", 8)
        wait_for("four under way", lambda: len(self.receiver.got) == 4)
        wait_for("another in hand", lambda: self.redis.zcount(
            "nt:{deliveries}:of:alice", time.time() * 1000 + 10000, "+inf") > 4)
        self.assertLess(self.stop(first), 8)
        stopped = time.monotonic()
        self.start("notifier", "n2")
        wait_for("all", lambda: all(self.delivery(i, "alice") == "done 1" for i in ids))
        self.assertLess(time.monotonic() - stopped, HIDDEN_S - 4)  # and not after 22 s
        self.assertEqual(len(self.receiver.got), 8)  # each once


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
