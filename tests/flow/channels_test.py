#!/usr/bin/python3
"""Every channel with real receivers: alerts are put into the outbox as transform does, and must
reach whoever is told by webhook in any format, by chat, by the operator's HTTP gateways and by his
commands. Mail has a test of its own, channels_mail_test.py.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs python3-zmq, python3-msgpack, python3-redis, redis-server, prometheus-alertmanager.
"""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
import unittest
import urllib.parse
import urllib.request

from harness import free_ports
from notified import SECRET, TIDEWIRE, WAIT_S, FlowTest, wait_for


class ChannelTest(FlowTest):
    def setUp(self):
        super().setUp()
        self.configure(self.means())
        self.notifier = self.start("notifier")
        wait_for("the role", lambda: (f := self.actor("notifier")) and f["state"] == "active")

    def means(self):
        """What the configuration has beside the plain one."""
        return ""

    def configure(self, means):
        self.write_config("site.yaml", "tcp://127.0.0.1:*")
        with open(self.config, "a") as out:
            out.write(means)

    def reload(self, means):
        self.configure(means)
        said = self.log_of("notifier").count("reloaded")
        self.notifier.send_signal(signal.SIGHUP)
        wait_for("the new configuration",
                 lambda: self.log_of("notifier").count("reloaded") > said)

    def settle(self, ident, recipient, state="done 1", seconds=WAIT_S):
        """The delivery's record, once it begins so."""
        return wait_for(f"{recipient}: {state}",
                        lambda: (t := self.delivery(ident, recipient)).startswith(state) and t,
                        seconds)

    def wait_for_their_turn(self, recipient, count):
        """So many wait for their turn, none of them in the hands of the notifier."""
        def are_there():
            now = time.time() * 1000
            waiting = self.redis.zrange(f"nt:{{deliveries}}:of:{recipient}", 0, -1, withscores=True)
            # What is in hand is hidden until later than now; what was given back is not.
            return (len(waiting) == count and all(score <= now for _, score in waiting) and
                    self.redis.zscore("nt:{deliveries}", recipient) > now + 3000)
        wait_for(f"{count} of {recipient} that wait for their turn", are_there)

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
        self.assertTrue(chat["text"].startswith("*[warning] spike is firing on s:1*\n"))
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


class Pace(ChannelTest):
    def test_a_rate_delays_and_drops_nothing(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url("/slow"), rate="4/2s",
                            slack=self.receiver.url("/chat"))
        self.add_subscriber("bob", "spike", webhook=self.receiver.url("/quick"))
        self.add_subscriber("odd", "spike", webhook=self.receiver.url("/odd"), rate="many")
        ids = [ident for series in range(12) for ident in self.put("spike", f"s:{series}")]
        for ident in ids:
            self.settle(ident, "bob")
        for ident in ids:
            self.settle(ident, "alice", seconds=30)
            self.settle(ident, "alice/slack", seconds=30)
        for path in ("/slow", "/chat"):
            times = sorted(at for at, where, *_ in self.receiver.got if where == path)
            self.assertEqual(len(times), 12)
            # Measured where they arrive: a little may be lost on the way.
            self.assertTrue(all(late - early > 1.8 for early, late in zip(times, times[4:])), times)
        self.assertIn("the rate is not of the form", self.settle(ids[0], "odd", "retry 1"))
        self.assertFalse(self.bodies("/odd"))

    def test_what_waits_for_its_turn_keeps_its_order(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), rate="1/1s")
        ids = [ident for series in range(6) for ident in self.put("spike", f"s:{series}")]
        for ident in ids:
            self.settle(ident, "alice", seconds=30)
        logged = [entry["id"].decode() for entry in self.logged()]
        self.assertEqual(sorted(logged), sorted(ids))
        self.assertEqual([ident.split("-")[0] for ident in self.receiver.ids()], logged)

    def test_a_low_rate_is_looked_at_anew_within_a_minute(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), rate="1/1d")
        ids = [ident for series in range(3) for ident in self.put("spike", f"s:{series}")]
        self.wait_for_their_turn("alice", 2)
        self.assertLess(self.redis.zscore("nt:{deliveries}", "alice"), (time.time() + 61) * 1000)
        self.redis.hdel("nt:subscriber:alice", "rate")
        self.redis.zadd("nt:{deliveries}", {"alice": 1})  # the minute goes by
        for ident in ids:
            self.settle(ident, "alice")

    def test_what_has_waited_for_a_week_is_a_dead_letter(self):
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), rate="1/1d")
        ids = [ident for series in range(5) for ident in self.put("spike", f"s:{series}")]
        self.wait_for_their_turn("alice", 4)
        old, gone = [member.decode()
                     for member in self.redis.zrange("nt:{deliveries}:of:alice", 0, 1)]
        week_ago = (time.time() - 7 * 24 * 3600) * 1000
        self.redis.zadd("nt:{deliveries}:of:alice", {old: week_ago, gone: week_ago})
        self.redis.delete(f"nt:delivery:{gone}", f"nt:{{deliveries}}:body:{gone}")
        self.redis.zadd("nt:{deliveries}", {"alice": 1})
        self.assertIn("7 days", self.settle(old, "alice", "dead 1"))
        self.assertIn("record was gone", self.settle(gone, "alice", "dead 0"))
        self.assertEqual([member.decode() for member in
                          self.redis.zrange("nt:{deliveries}:dead", 0, -1)], [f"{old}/alice"])
        wait_for("the figure", lambda: self.actor("notifier")["deliveries_failed"] == "2")
        wait_for("a line of it", lambda: "deliveries given up that had waited for 7 days" in
                 self.log_of("notifier"))
        self.assertEqual(len(self.receiver.got), 1)
        self.assertEqual(sum(self.delivery(ident, "alice").startswith("pending")
                             for ident in ids), 2)


class DeadLetters(ChannelTest):
    def test_they_are_sent_again_under_the_same_id(self):
        self.receiver.plan = lambda path, number: (410, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(),
                            slack=self.receiver.url("/chat"))
        self.redis.sadd("nt:subs:spike", "later")
        ids = self.put("spike", "s:1") + self.put("spike", "s:2")
        for ident in ids:
            self.settle(ident, "alice", "dead")
            self.settle(ident, "alice/slack", "dead")
            self.settle(ident, "later", "dead 0")
        self.receiver.plan = lambda path, number: (200, {}, b"")
        self.redis.hdel("nt:subscriber:alice", "gone", "gone.slack")
        self.redis.hset("nt:subscriber:later", "webhook", self.receiver.url("/later"))

        def resend(*words):
            run = subprocess.run([TIDEWIRE, "subscriber", "-c", self.config, "--dir", self.dir,
                                  "resend", *words], capture_output=True, text=True, timeout=20)
            self.assertEqual(run.returncode, 0, run.stderr)
            return int(run.stdout.split()[0])
        self.assertEqual(resend("nobody"), 0)
        self.assertEqual(resend("alice/slack", ids[0]), 1)
        self.settle(ids[0], "alice/slack", "done 1")
        self.assertTrue(self.delivery(ids[0], "alice").startswith("dead"))
        self.assertEqual(resend("alice"), 3)
        self.assertEqual(resend("later", ids[1]), 1)
        for ident in ids:
            self.settle(ident, "alice")
            self.settle(ident, "alice/slack")
        self.settle(ids[1], "later")
        self.assertTrue(self.delivery(ids[0], "later").startswith("dead"))
        sent = [headers["webhook-id"] for _, path, headers, _ in self.receiver.got
                if path == "/later"]
        self.assertEqual(sent, [f"{ids[1]}-later"])


class Missing(ChannelTest):
    def test_who_is_not_there_for_a_moment_is_told_all_the_same(self):
        self.receiver.plan = lambda path, number: (503 if number == 1 else 200, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice", "retry 1")
        self.redis.delete("nt:subscriber:alice")
        self.assertIn("no such channel any more", self.settle(ident, "alice", "retry 2"))
        self.redis.hset("nt:subscriber:alice", "webhook", self.receiver.url("/new"))
        self.settle(ident, "alice", "done 3")

    def test_who_stays_away_is_given_up(self):
        self.receiver.plan = lambda path, number: (503, {}, b"")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice", "retry 1")
        self.redis.delete("nt:subscriber:alice")
        for attempts in (2, 3, 4):
            self.settle(ident, "alice", f"retry {attempts}")
            due = self.redis.zscore("nt:{deliveries}:of:alice", ident)
            self.assertLess(due, (time.time() + 40) * 1000)
            # Time passes.
            self.redis.zadd("nt:{deliveries}:of:alice", {ident: 1})
            self.redis.hset("nt:{deliveries}:ill", "alice", "1 0")
            self.redis.zadd("nt:{deliveries}", {"alice": 1})
        self.assertIn("no such channel any more", self.settle(ident, "alice", "dead 5"))


class Gateways(ChannelTest):
    """The operator's addresses may be private, whatever subscribers may."""
    allow_private = False

    def means(self):
        token = f"{self.dir}/token"
        with open(token, "w") as out:
            out.write("Bearer {{no template}}\n")
        url = self.receiver.url
        return (f"""gateways:
  sms:
    url: "{url('/sms')}?ref={{{{delivery}}}}"
    type: application/x-www-form-urlencoded
    headers: {{ Authorization_file: {token}, X-Title: "{{{{title}}}}" }}
    body: "to={{{{address}}}}&text={{{{text}}}}"
  ntfy:
    url: "{url('/ntfy/')}{{{{address}}}}"
    type: text/plain
    headers: {{ Title: "{{{{title}}}}", Priority: high }}
    body: "{{{{text}}}}"
  chatbot:
    url: "{url('/bot')}"
    method: PUT
    body: '{{ "chat_id": "{{{{address}}}}", "text": "{{{{title}}}}", "volume": {{{{columns.volume}}}},
            "none": {{{{columns.none}}}} }}'
  ping:
    url: "{url('/ping/')}{{{{address}}}}?rule={{{{rule}}}}"
    method: GET
""")

    def test_each_gets_what_its_template_says(self):
        self.add_subscriber("al.ice", "spike", sms="+49 170 & 1", ntfy="a/../b", chatbot='4"2',
                            ping="x")
        ident, = self.put("spike", "s:1")
        for channel in ("sms", "ntfy", "chatbot", "ping"):
            self.settle(ident, f"al.ice/{channel}")
        got = {path.split("?")[0]: (path, headers, body)
               for _, path, headers, body in self.receiver.got}
        path, headers, body = got["/sms"]
        self.assertEqual(path, f"/sms?ref={ident}-al%252Eice~sms")
        self.assertEqual(headers["Authorization"], "Bearer {{no template}}")
        self.assertEqual(headers["X-Title"], "[warning] spike is firing on s:1")
        self.assertEqual(headers["Content-Type"], "application/x-www-form-urlencoded")
        fields = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        self.assertEqual(fields["to"], ["+49 170 & 1"])
        self.assertIn("volume: 12.5", fields["text"][0])
        self.assertEqual(set(fields), {"to", "text"})
        self.assertEqual(got["/ping/x"][0], "/ping/x?rule=spike")
        path, headers, body = got["/ntfy/a%2F..%2Fb"]
        self.assertEqual(headers["Title"], "[warning] spike is firing on s:1")
        self.assertEqual(headers["Priority"], "high")
        self.assertTrue(body.decode().startswith("[warning] spike is firing on s:1\n"))
        self.assertEqual(json.loads(got["/bot"][2]), {
            "chat_id": '4"2', "text": "[warning] spike is firing on s:1", "volume": 12.5, "none": None})

    def test_a_gateway_is_tried_again_and_never_switched_off_for_a_person(self):
        def plan(path, number):
            tries = sum(where.startswith("/sms") for _, where, *_ in self.receiver.got)
            return ((500, {}, b""), (410, {}, b""), (200, {}, b""))[min(tries, 3) - 1]
        self.receiver.plan = plan
        self.add_subscriber("alice", "spike", sms="+1")
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice/sms", "done 3")
        self.assertIsNone(self.redis.hget("nt:subscriber:alice", "gone.sms"))

    def test_a_mended_configuration_heals_what_waits(self):
        self.receiver.plan = lambda path, number: (200 if path == "/mended" else 500, {}, b"")
        self.add_subscriber("alice", "spike", sms="+1")
        self.add_subscriber("bob", "spike", pager="7")
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice/sms", "retry 1")
        self.assertEqual(self.settle(ident, "bob", "dead 0"),
                         "dead 0 the subscriber has no channel of this configuration")
        self.reload("")  # gone: what waits is tried again, and what is new is told at once
        text = self.settle(ident, "alice/sms", "retry 2")
        self.assertIn("no gateway of that name", text)
        second, = self.put("spike", "s:1")
        self.assertIn("no gateway of that name", self.settle(second, "alice/sms", "dead 0"))
        self.reload(f"gateways: {{ sms: {{ url: \"{self.receiver.url('/mended')}\" }} }}\n")
        self.settle(ident, "alice/sms", "done", 12)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as text:
            return text.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Unequal(ChannelTest):
    """Of two notifiers one has a gateway that the other lacks."""

    def means(self):
        return ('gateways:\n  sms:\n    url: "' + self.receiver.url("/sms") + '"\n'
                '    type: text/plain\n    body: "{{title}}"\n')

    def test_what_one_cannot_send_another_sends(self):
        other = self.write_config("other.yaml", "tcp://127.0.0.1:*")  # without means
        self.start("notifier", "second", other)
        wait_for("a standby", lambda: self.actor("notifier", "second"))
        names = [f"s{number}" for number in range(12)]
        for name in names:
            self.add_subscriber(name, "spike", sms="+49170")
        ids = []

        def passed_on():  # once both have seen each other
            ids.extend(self.put("spike", "s:1"))
            time.sleep(0.3)
            return "passed on" in self.log_of("second")
        wait_for("a line of it", passed_on)
        for ident in ids:
            for name in names:
                self.settle(ident, f"{name}/sms", "done 1")  # nothing was counted as an attempt
        time.sleep(1.5)
        self.assertEqual(self.log_of("second").count("passed on"), 1)
        self.assertNotIn("passed on", self.log_of("notifier"))
        # None has it any more: the record says so.
        self.reload("")
        last, = self.put("spike", "s:1")
        wait_for("its record", lambda: self.delivery(last, "s1/sms"))
        self.assertIn("the configuration has no", self.delivery(last, "s1/sms"))


class Commands(ChannelTest):
    def means(self):
        scripts = {
            "good": 'cat > "$0.$TIDEWIRE_SUBSCRIBER.body"; env > "$0.env"; pwd >> "$0.env"; '
                    'ls -l /proc/self/fd > "$0.fds"; mv "$0.env" "$0.done"',
            "bad": "exit 3",
            "deaf": "exec true",
            "hangs": 'sleep 1000 & echo $$ $! > "$0.pids"; sleep 1000',
            "leaves": 'sleep 1000 & echo $! > "$0.pids"',
            "slow": 'sleep 0.7; echo >> "$0.ran"',
        }
        lines = ["commands:\n"]
        for name, text in scripts.items():
            path = f"{self.dir}/{name}"
            with open(path, "w") as out:
                out.write(f"#!/bin/sh\n{text}\n")
            os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
            lines.append(f"  {name}: {{ run: {path}, timeout: {'1s' if name == 'hangs' else '10s'} }}\n")
        lines.append(f"  missing: {{ run: {self.dir}/missing }}\n")
        return "".join(lines)

    def read(self, name):
        path = f"{self.dir}/{name}"
        wait_for(name, lambda: os.path.exists(path) and os.path.getsize(path))
        with open(path) as text:
            return text.read()

    def test_a_command_gets_the_alert_and_nothing_else(self):
        os.environ["TIDEWIRE_TEST_SECRET"] = "x"
        self.add_subscriber("alice", "spike", command="good")
        self.add_subscriber("$(touch x)", "spike", command="good")
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice/command")
        alert = json.loads(self.read("good.alice.body"))
        self.assertEqual((alert["id"], alert["rule"]), (ident, "spike"))
        *environment, _ = self.read("good.done").splitlines()
        names = {line.split("=")[0] for line in environment}
        self.assertEqual(names - {"PWD", "_", "SHLVL", "OLDPWD"},
                         {"PATH", "TIDEWIRE_ID", "TIDEWIRE_SUBSCRIBER"})
        self.assertIn(f"TIDEWIRE_ID={ident}-alice~command", environment)
        open_files = self.read("good.fds")
        self.assertNotIn("socket:", open_files)

    def test_failures_are_tried_again_with_their_reason(self):
        for name in ("bad", "missing", "deaf"):
            self.add_subscriber(name, "spike", command=name)
        self.add_subscriber("nobody", "spike", command="../bad")
        ident, = self.put("spike", "s:1")
        self.assertIn("ended with 3", self.settle(ident, "bad/command", "retry 1"))
        self.assertIn("No such file", self.settle(ident, "missing/command", "retry 1"))
        self.settle(ident, "deaf/command")  # it does not even read the alert
        self.assertIn("no command of that name", self.settle(ident, "nobody/command", "dead 0"))

    def test_what_hangs_is_killed_with_all_that_it_started(self):
        self.add_subscriber("alice", "spike", command="hangs")
        self.add_subscriber("bob", "spike", command="leaves")
        ident, = self.put("spike", "s:1")
        self.assertIn("took too long", self.settle(ident, "alice/command", "retry 1"))
        self.settle(ident, "bob/command")
        pids = self.read("hangs.pids").split() + self.read("leaves.pids").split()

        wait_for("the end of all", lambda: not any(is_alive(pid) for pid in pids))

    def test_few_at_once_and_nobody_waits_for_them(self):
        for number in range(8):
            self.add_subscriber(f"slow{number}", "spike", command="slow")
        self.add_subscriber("quick", "spike", webhook=self.receiver.url())
        started = time.monotonic()
        ident, = self.put("spike", "s:1")
        self.settle(ident, "quick")
        for number in range(8):
            self.settle(ident, f"slow{number}/command", "done")
        self.assertGreater(time.monotonic() - started, 1.3)  # 8 of 0.7 s, 4 at a time
        self.assertEqual(len(self.read("slow.ran").splitlines()), 8)

    def test_a_kill_9_takes_the_command_along(self):
        self.add_subscriber("alice", "spike", command="hangs")
        self.put("spike", "s:1")
        child = int(self.read("hangs.pids").split()[0])
        self.notifier.kill()
        self.notifier.wait()
        wait_for("its end", lambda: not is_alive(child))


class Alertmanager(ChannelTest):
    """Debian's: it takes our alerts, and delivers them on."""

    def setUp(self):
        program = shutil.which("prometheus-alertmanager")
        if not program:
            self.skipTest("no prometheus-alertmanager here")
        super().setUp()
        port, = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        config = f"{self.dir}/alertmanager.yml"
        with open(config, "w") as out:
            out.write("route: { receiver: test, group_by: [alertname, series], group_wait: 0s,"
                      " group_interval: 1s, repeat_interval: 1h }\n"
                      "receivers:\n  - name: test\n    webhook_configs:\n"
                      f"      - {{ url: \"{self.receiver.url('/on')}\", send_resolved: true }}\n")
        with open(f"{self.dir}/alertmanager.log", "w") as log:
            self.processes.append(subprocess.Popen(
                [program, f"--config.file={config}", f"--storage.path={self.dir}/am",
                 f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="],
                stdout=log, stderr=log))

        def ready():
            try:
                return urllib.request.urlopen(f"{self.url}/-/ready", timeout=1).status == 200
            except OSError:
                return False
        wait_for("Alertmanager", ready, 30)

    def test_it_takes_our_alerts_and_delivers_them_on(self):
        self.add_subscriber("am", "spike", webhook=f"{self.url}/api/v2/alerts",
                            format="alertmanager-api")
        self.add_subscriber("direct", "spike", webhook=self.receiver.url("/direct"),
                            format="alertmanager")
        # It drops alerts that ended long ago, and ours of a moment of the past has no end: it holds.
        ident, = self.put("spike", "s:1")
        self.settle(ident, "am")
        self.settle(ident, "direct")
        wait_for("what it delivers on", lambda: self.bodies("/on"))
        on, direct = self.bodies("/on")[0], self.bodies("/direct")[0]
        self.assertEqual(on["status"], "firing")
        theirs, ours = on["alerts"][0], direct["alerts"][0]
        for field in ("status", "labels", "annotations", "fingerprint"):
            self.assertEqual(theirs[field], ours[field], field)
        self.assertEqual(theirs["annotations"]["id"], ident)
        self.assertEqual(set(on) - set(direct), set())  # nothing that ours lacks
        for field in ("version", "status", "groupLabels", "commonLabels", "commonAnnotations",
                      "groupKey", "truncatedAlerts"):
            self.assertEqual(on[field], direct[field], field)


class Signatures(ChannelTest):
    """The reference implementation of Standard Webhooks, from npm, believes ours."""

    def test_standardwebhooks_verifies(self):
        if not shutil.which("node") or not shutil.which("npm"):
            self.skipTest("no node or no npm here")
        run = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund",
                              "standardwebhooks@1.0.0"], cwd=self.dir, capture_output=True,
                             text=True, timeout=120)
        if run.returncode != 0:
            self.skipTest(f"npm install failed: {run.stderr.strip().splitlines()[:1]}")
        self.add_subscriber("alice", "spike", webhook=self.receiver.url(), secret=SECRET)
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice")
        _, _, headers, body = self.receiver.got[0]
        given = {"secret": SECRET, "body": body.decode(),
                 "headers": {name.lower(): value for name, value in headers.items()}}
        script = ("const { Webhook } = require('standardwebhooks');"
                  "const given = JSON.parse(require('fs').readFileSync(0));"
                  "const hook = new Webhook(given.secret);"
                  "const alert = hook.verify(given.body, given.headers);"
                  "let refused = 0;"
                  "try { hook.verify(given.body + ' ', given.headers); } catch { refused = 1; }"
                  "console.log(alert.id, refused);")
        said = subprocess.run(["node", "-e", script], cwd=self.dir, input=json.dumps(given),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(said.stdout.split(), [ident, "1"], said.stderr)


class Check(FlowTest):
    def test_bad_means_are_refused_with_their_place(self):
        url = "https://h.example/x"
        self.write_config("bad.yaml", "tcp://127.0.0.1:*")
        with open(f"{self.dir}/bad.yaml") as config:
            line = len(config.readlines()) + 2  # of what stands below `gateways:`
        cases = {
            f'gateways:\n  g: {{ url: "{url}", body: "a {{{{nothing}}}}" }}\n':
                f"{line}:45: gateways: body: there is no value 'nothing'",
            'gateways:\n  g: { url: "https://{{address}}/x" }\n':
                f"{line}:14: gateways: url: values may stand behind the host only",
            f'gateways:\n  g: {{ url: "{url}", type: image/png, body: x }}\n':
                "is no type that values can be escaped for",
            f'gateways:\n  g: {{ url: "{url}", body: "{{{{rule}}}}" }}\n':
                "a text outside quotes of JSON",
            'gateways:\n  g: { url: "ftp://h/" }\n': f"{line}:14: gateways: url: expected http",
            f'gateways:\n  g: {{ url: "{url}", headers: {{ A_file: /none }} }}\n':
                f"{line}:55: gateways: headers: cannot read '/none'",
            f'gateways:\n  secret: {{ url: "{url}" }}\n': f"{line}:3: gateways: 'secret' is no name",
            f'gateways:\n  g: {{ url: "{url}", method: HEAD }}\n': "expected POST, PUT or GET",
            "smtp: { url: \"http://h\", from: a@h.org }\n": "smtp: url: expected smtps://",
            "smtp: { url: \"smtps://h\", from: \"a b@h.org\" }\n": "smtp: from: expected local@domain",
            "smtp: { url: \"smtps://h\", from: a@h.org, user: x }\n": "need each other",
            "smtp: { url: \"smtps://h\", from: a@h.org, plaintext: accept }\n": "only with smtp://",
            "smtp: { url: \"smtps://h\", from: a@h.org, user: x, password_file: /none }\n":
                "cannot read smtp: password_file '/none'",
            "commands: { page: { run: page } }\n": "commands: run: expected an absolute path",
            "commands: { page: { run: /x, timeout: 1h } }\n": "timeout: '1h' is outside",
        }
        for means, said in cases.items():
            self.write_config("bad.yaml", "tcp://127.0.0.1:*")
            path = f"{self.dir}/bad.yaml"
            with open(path, "a") as out:
                out.write(means)
            run = subprocess.run([TIDEWIRE, "check", "-c", path], capture_output=True, text=True)
            self.assertEqual(run.returncode, 78, means)
            self.assertIn(said, run.stderr, means)
            notifier = subprocess.run([TIDEWIRE, "notifier", "-c", path, "--dir", self.dir],
                                      capture_output=True, text=True, timeout=20)
            self.assertEqual(notifier.returncode, 78, notifier.stderr)
            self.assertIn(said, notifier.stderr)

    def test_secrets_of_gateways_are_read_by_the_notifier_alone(self):
        self.write_config("site.yaml", "tcp://127.0.0.1:*")
        with open(self.config, "a") as out:
            out.write('gateways:\n  g: { url: "https://h/x", headers: { A_file: /none } }\n')
        self.start_broker()  # who has no right to read it


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
