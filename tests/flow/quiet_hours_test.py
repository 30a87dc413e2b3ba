#!/usr/bin/python3
"""Quiet hours of a subscriber: what is told in them waits for their end and is lost by nothing, not
even by a notifier that is killed meanwhile.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import datetime
import os
import signal
import sys
import time
import unittest
import zoneinfo

from channels_test import ChannelTest
from notified import TIDEWIRE, wait_for

ZONE = "Asia/Kathmandu"  # 5:45 ahead: no zone that a mistake would take for it


def until_next_minute():
    """Quiet hours there that began before now and end with this minute, which has 10 s left."""
    while time.time() % 60 > 50:
        time.sleep(0.2)
    now = datetime.datetime.now(zoneinfo.ZoneInfo(ZONE))
    end = now + datetime.timedelta(minutes=1)
    begin = now - datetime.timedelta(hours=2)
    left = 60 - time.time() % 60
    return f"{begin:%H:%M}-{end:%H:%M} {ZONE}", time.monotonic() + left


class QuietHours(ChannelTest):
    def test_it_delays_and_drops_nothing(self):
        quiet, end = until_next_minute()
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/alice"), quiet=quiet,
                            quiet_except="critical", rate="1/100ms")  # one after the other
        self.add_subscriber("bob", "spike", webhook=self.receiver.url("/bob"), quiet=quiet,
                            quiet_except="critical,warning")
        self.add_subscriber("carol", "spike", webhook=self.receiver.url("/carol"),
                            quiet="22:00-07:00 Europe/Nowhere")
        self.add_subscriber("dave", "spike", webhook=self.receiver.url("/dave"), quiet="at night")
        ids = self.put("spike", "s:1", 12)
        for ident in ids:
            self.settle(ident, "bob")  # of a severity that passes
        self.assertIn("no time zone 'Europe/Nowhere'", self.settle(ids[0], "carol", "retry 1"))
        self.assertIn("`quiet` is not of the form", self.settle(ids[0], "dave", "retry 1"))
        self.notifier.send_signal(signal.SIGKILL)
        self.notifier.wait()
        self.notifier = self.start("notifier")
        while time.monotonic() < end - 0.5:
            self.assertFalse([path for _, path, *_ in self.receiver.got if path == "/alice"])
            self.assertTrue(all(self.delivery(i, "alice") == "pending 0" for i in ids))
            time.sleep(0.2)
        # What comes at the end, or just after it, overtakes nothing.
        while time.monotonic() < end + 1:
            ids += self.put("spike", "s:1")
            time.sleep(0.1)
        for ident in ids:
            self.settle(ident, "alice", "done 1", 30)  # it was no attempt
        told = [headers["webhook-id"] for _, path, headers, _ in self.receiver.got
                if path == "/alice"]
        self.assertEqual(told, [f"{i}-alice" for i in ids])
        at = [at for at, path, *_ in self.receiver.got if path == "/alice"]
        self.assertGreater(min(at), end - 0.5)

    def test_what_sleeps_goes_first_when_there_are_no_quiet_hours_any_more(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        hours = datetime.timedelta(hours=2)
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/alice"),
                            quiet=f"{now - hours:%H:%M}-{now + hours:%H:%M}", rate="1/100ms")
        ids = self.put("spike", "s:1", 3)
        wait_for("all asleep", lambda: self.redis.zcard("nt:{deliveries}:asleep:alice") == 3)
        self.redis.hdel("nt:subscriber:alice", "quiet")
        ids += self.put("spike", "s:1", 3)
        for ident in ids:
            self.settle(ident, "alice")
        told = [headers["webhook-id"] for _, _, headers, _ in self.receiver.got]
        self.assertEqual(told, [f"{i}-alice" for i in ids])


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
