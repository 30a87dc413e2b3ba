#!/usr/bin/python3
"""Every channel with real receivers: alerts are put into the outbox as transform does, and must
reach whoever is told by webhook in any format, and by chat.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server.
"""
import json
import os
import sys
import unittest

from notifier_test import TIDEWIRE, FlowTest, wait_for


class ChannelTest(FlowTest):
    def setUp(self):
        super().setUp()
        self.notifier = self.start("notifier")
        wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")

    def settle(self, ident, recipient, state="done 1", seconds=15):
        """The delivery's record, once it begins so."""
        return wait_for(f"{recipient}: {state}",
                        lambda: (t := self.delivery(ident, recipient)).startswith(state) and t,
                        seconds)

    def bodies(self, path):
        return [json.loads(body) for _, where, _, body in self.receiver.got if where == path]


class Formats(ChannelTest):
    def test_webhooks_of_every_format_and_chat(self):
        for name in ("json", "alertmanager", "cloudevents"):
            self.add_subscriber(name, "spike", webhook=self.receiver.url(f"/{name}"), format=name)
        self.add_subscriber("chat", "spike", slack=self.receiver.url("/chat"))
        self.add_subscriber("odd", "spike", webhook=self.receiver.url("/odd"), format="xml")
        ident, = self.put("spike", "s:1")
        for name in ("json", "alertmanager", "cloudevents", "chat/slack"):
            self.settle(ident, name)
        plain, = self.bodies("/json")
        self.assertEqual((plain["id"], plain["rule"]), (ident, "spike"))
        prometheus, = self.bodies("/alertmanager")
        self.assertEqual((prometheus["version"], prometheus["status"]), ("4", "firing"))
        self.assertEqual(prometheus["alerts"][0]["labels"]["alertname"], "spike")
        self.assertEqual(prometheus["alerts"][0]["annotations"]["id"], ident)
        event, = self.bodies("/cloudevents")
        self.assertEqual((event["specversion"], event["id"]), ("1.0", ident))
        self.assertEqual(event["data"], plain)
        chat, = self.bodies("/chat")
        self.assertEqual(list(chat), ["text"])
        self.assertTrue(chat["text"].startswith("*[warning] spike on s:1*\n"))
        types = {path: headers["Content-Type"] for _, path, headers, _ in self.receiver.got}
        self.assertEqual(types["/cloudevents"], "application/cloudevents+json")
        self.assertIn("format is none of", self.settle(ident, "odd", "retry 1"))
        # A mended subscriber heals what waits, in the new format.
        self.redis.hset("nt:subscriber:odd", "format", "cloudevents")
        self.settle(ident, "odd", "done")
        self.assertEqual(self.bodies("/odd"), [event])

    def test_channels_of_one_subscriber_do_not_wait_for_each_other(self):
        """One id each, the same at every attempt; 410 switches off the one address alone."""
        def plan(path, number):
            tries = sum(where == path for _, where, *_ in self.receiver.got)
            return {"/chat": (503 if tries == 1 else 200), "/hook": 200, "/gone": 410}[path], {}, b""
        self.receiver.plan = plan
        self.add_subscriber("al.ice", "spike", webhook=self.receiver.url("/hook"),
                            slack=self.receiver.url("/chat"))
        self.add_subscriber("bob", "spike", webhook=self.receiver.url("/hook"),
                            slack=self.receiver.url("/gone"))
        ident, = self.put("spike", "s:1")
        self.settle(ident, "al.ice")
        self.settle(ident, "al.ice/slack", "done 2")
        self.settle(ident, "bob")
        self.settle(ident, "bob/slack", "dead 1 HTTP 410")
        ids = [(path, headers["webhook-id"]) for _, path, headers, _ in self.receiver.got]
        self.assertEqual(sorted(ids), [
            ("/chat", f"{ident}-al%2Eice~slack"), ("/chat", f"{ident}-al%2Eice~slack"),
            ("/gone", f"{ident}-bob~slack"),
            ("/hook", f"{ident}-al%2Eice"), ("/hook", f"{ident}-bob")])
        self.assertEqual(self.redis.hget("nt:subscriber:bob", "gone.slack").decode(),
                         self.receiver.url("/gone"))
        self.assertIsNone(self.redis.hget("nt:subscriber:bob", "gone"))
        second, = self.put("spike", "s:1")
        self.settle(second, "bob")
        self.assertIn("410", self.settle(second, "bob/slack", "dead 0"))


class Public(FlowTest):
    allow_private = False

    def test_private_addresses_are_refused_to_chat_too(self):
        self.start("notifier")
        self.add_subscriber("alice", "spike", slack=self.receiver.url())
        ident, = self.put("spike", "s:1")
        text = wait_for("a refusal", lambda: (t := self.delivery(ident, "alice/slack"))
                        .startswith("retry") and t)
        self.assertIn("127.0.0.1 is a private address", text)
        self.assertEqual(self.receiver.got, [])


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
