#!/usr/bin/python3
"""E-mail through a real SMTP server, python3-aiosmtpd: STARTTLS, TLS from the beginning, logins, and
every way to refuse.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs what channels_test.py needs, python3-aiosmtpd and openssl.
"""
import asyncio
import email
import email.policy
import logging
import os
import ssl
import statistics
import subprocess
import sys
import threading
import time
import unittest
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from channels_test import ChannelTest
from harness import free_ports
from notified import HIDDEN_S, TIDEWIRE, wait_for

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # what clients do to it is what we try
warnings.filterwarnings("ignore", module="aiosmtpd")
USER, PASSWORD = "tidewire", "a pass word"


class Mailbox:
    """What a server does with what it is told: `answers` may hold another answer for a while, and
    `slow` how many seconds it takes to answer."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mails, self.logins, self.answers, self.slow = [], [], {}, {}
        self.quits = self.left = 0  # good-byes that were said, and that were answered

    def answer(self, where):
        with self.lock:
            waiting = self.answers.get(where, [])
            return waiting.pop(0) if waiting else None

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = self.answer("MAIL")
        if answer:
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.answer("RCPT")
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answer("DATA")
        if answer:
            return answer
        await asyncio.sleep(self.slow.get("DATA", 0))
        with self.lock:
            self.mails.append((envelope.mail_from, list(envelope.rcpt_tos),
                               bool(session.ssl), envelope.content))
        return "250 taken"

    async def handle_QUIT(self, server, session, envelope):
        with self.lock:
            self.quits += 1
        await asyncio.sleep(self.slow.get("QUIT", 0))
        self.left += 1
        return "221 Bye"

    def login(self, server, session, envelope, mechanism, data):
        good = (isinstance(data, LoginPassword) and data.login == USER.encode() and
                data.password == PASSWORD.encode())
        with self.lock:
            self.logins.append(good)
        return AuthResult(success=good, handled=False)


class MailTest(ChannelTest):
    tls, login = "starttls", True

    def setUp(self):
        self.mailbox = Mailbox()
        super().setUp()

    def certificate(self, name):
        path = f"{self.dir}/{name}"
        if not os.path.exists(f"{path}.pem"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                            f"{path}.key", "-out", f"{path}.pem", "-days", "2", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                           check=True, capture_output=True)
        return path

    def serve(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = self.certificate("server")
        context.load_cert_chain(f"{path}.pem", f"{path}.key")
        port, = free_ports(1)
        words = {"hostname": "127.0.0.1", "port": port}
        if self.login:
            words |= {"authenticator": self.mailbox.login, "auth_required": True,
                      "auth_require_tls": self.tls == "starttls"}
        if self.tls == "starttls":
            words |= {"tls_context": context, "require_starttls": True}
        elif self.tls == "tls":
            words |= {"ssl_context": context}
        server = Controller(self.mailbox, **words)
        server.start()
        self.closers.append(server.stop)
        return port

    def smtp(self, **other):
        password = f"{self.dir}/password"
        with open(password, "w") as out:
            out.write(PASSWORD + "\n")
        scheme = "smtps" if self.tls == "tls" else "smtp"
        words = {"url": f'"{scheme}://127.0.0.1:{self.port}"', "from": "tidewire@example.org",
                 "ca_file": f"{self.certificate('server')}.pem"}
        if self.login:
            words |= {"user": USER, "password_file": password}
        return ("smtp: { " + ", ".join(f"{name}: {value}" for name, value in (words | other).items()
                                       if value) + " }\n")

    def means(self):
        self.port = self.serve()
        return self.smtp()


class StartTls(MailTest):
    def test_text_and_html_under_one_id(self):
        self.mailbox.answers = {"RCPT": ["451 4.7.1 greylisted"]}
        self.add_subscriber("al.ice", "spike", email="alice@example.org",
                            webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        self.settle(ident, "al.ice")
        self.settle(ident, "al.ice/email", "done 2")
        (sender, recipients, secure, content), = self.mailbox.mails
        self.assertEqual((sender, recipients, secure),
                         ("tidewire@example.org", ["alice@example.org"], True))
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.assertEqual(mail.defects, [])
        self.assertEqual(mail["Subject"], "[warning] spike is firing on s:1")
        self.assertEqual(mail["Message-ID"], f"<{ident}-al%2Eice~email@example.org>")
        self.assertEqual(mail["To"].addresses[0].addr_spec, "alice@example.org")
        text = mail.get_body(("plain",)).get_content().splitlines()
        self.assertIn("volume: 12.5", text)
        self.assertIn("condition: volume > 3 * avg(volume) OVER last_1h", text)
        self.assertIn("<td>12.5</td>", mail.get_body(("html",)).get_content())
        self.assertEqual(set(self.mailbox.logins), {True})

    def test_what_is_final_and_what_is_tried_again(self):
        """5yz about sender, recipient or message ends it; all else is tried again."""
        cases = (("MAIL", "550 5.1.8 no such sender", "dead 1 SMTP 550"),
                 ("RCPT", "550 5.1.1 no such user", "dead 1 SMTP 550"),
                 ("RCPT", "554 5.7.1 not for you", "dead 1 SMTP 554"),
                 ("RCPT", "521 5.3.2 no mail here", "dead 1 SMTP 521"),
                 ("DATA", "554 5.7.1 spam", "dead 1 SMTP 554"),
                 ("MAIL", "421 4.3.2 closing", "retry 1 SMTP 421"),
                 ("RCPT", "452 4.2.2 mailbox is full", "retry 1 SMTP 452"),
                 ("DATA", "451 4.3.0 later", "retry 1 SMTP 451"))
        for number, (where, answer, state) in enumerate(cases):
            with self.subTest(where=where, answer=answer):
                self.mailbox.answers = {where: [answer]}
                self.add_subscriber(f"s{number}", f"rule{number}", email="a@example.org")
                ident, = self.put(f"rule{number}", "s:1")
                self.settle(ident, f"s{number}/email", state)
                if state.startswith("retry"):
                    self.settle(ident, f"s{number}/email", "done 2")

    def test_bad_mailboxes_are_told(self):
        self.add_subscriber("odd", "spike", email="a@example.org>\r\nRCPT TO:<b@example.org")
        ident, = self.put("spike", "s:1")
        self.assertIn("local@domain", self.settle(ident, "odd/email", "retry 1"))
        self.redis.hset("nt:subscriber:odd", "email", "a@example.org")
        self.settle(ident, "odd/email", "done")

    def test_without_trust_in_the_server_nothing_is_said(self):
        """Another certificate, a wrong password: the operator's to mend, so they are tried again."""
        self.add_subscriber("alice", "spike", email="alice@example.org")
        self.reload(self.smtp(ca_file=f"{self.certificate('other')}.pem"))
        ident, = self.put("spike", "s:1")
        self.assertRegex(self.settle(ident, "alice/email", "retry 1"), "(?i)certificate")
        self.assertEqual(self.mailbox.logins, [])
        self.reload(self.smtp(user="mallory"))
        self.assertRegex(self.settle(ident, "alice/email", "retry 2"), "SMTP 535|denied")
        self.assertEqual(self.mailbox.mails, [])
        self.reload(self.smtp())
        self.settle(ident, "alice/email", "done", 45)
        self.assertNotIn(PASSWORD, self.log_of("notifier"))


class Tls(MailTest):
    tls = "tls"

    def test_tls_from_the_beginning(self):
        self.add_subscriber("alice", "spike", email="alice@example.org")
        ids = [ident for series in range(12) for ident in self.put("spike", f"s:{series}")]
        for ident in ids:
            self.settle(ident, "alice/email")
        self.assertEqual(len(self.mailbox.mails), 12)


class Plain(MailTest):
    tls, login = "none", False

    def test_without_tls_only_where_the_operator_accepts_it(self):
        self.add_subscriber("alice", "spike", email="alice@example.org")
        ident, = self.put("spike", "s:1")
        self.assertRegex(self.settle(ident, "alice/email", "retry 1"), "(?i)starttls|ssl")
        self.assertEqual(self.mailbox.mails, [])
        self.reload(self.smtp(plaintext="accept"))
        self.settle(ident, "alice/email", "done")
        self.assertEqual(len(self.mailbox.mails), 1)

    def test_a_setting_of_tls_counts_at_once(self):
        """No connection that was made without TLS carries what now needs it."""
        self.add_subscriber("alice", "spike", email="alice@example.org")
        self.reload(self.smtp(plaintext="accept"))
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice/email")
        self.reload(self.smtp())
        second, = self.put("spike", "s:1")
        self.assertRegex(self.settle(second, "alice/email", "retry 1"), "(?i)starttls|ssl")
        self.assertEqual(len(self.mailbox.mails), 1)

    def test_a_server_that_is_away_holds_up_no_webhook(self):
        self.closers.pop()()  # the server
        self.add_subscriber("alice", "spike", email="alice@example.org",
                            webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice")
        self.assertRegex(self.settle(ident, "alice/email", "retry 1"), "(?i)connect")


SLOW_S = 10


class Slow(MailTest):
    """A server that takes 10 s for each mail, and as long to say good-bye."""
    tls, login = "none", False

    def means(self):
        self.port = self.serve()
        return self.smtp(plaintext="accept")

    def setUp(self):
        super().setUp()
        self.mailbox.slow = {"DATA": SLOW_S, "QUIT": SLOW_S}

    def children(self):
        with open(f"/proc/{self.notifier.pid}/task/{self.notifier.pid}/children") as text:
            return text.read().split()

    def test_nobody_waits_for_it(self):
        """Alerts are published and webhooks told, as a rule within a second, and the role is kept."""
        self.start_broker()
        subscriber = self.subscribe()
        second = self.start("notifier", "second")
        wait_for("the second", lambda: self.actor("notifier", "second"))
        self.add_subscriber("alice", "spike", email="alice@example.org",
                            webhook=self.receiver.url())
        ids, took, end = [], [], time.monotonic() + SLOW_S + 3
        while time.monotonic() < end:
            started = time.monotonic()
            ident, = self.put("spike", "s:1")
            ids.append(ident)
            wait_for("the alert", lambda: ident in subscriber.ids())
            wait_for("the webhook", lambda: any(got.startswith(ident)
                                                for got in self.receiver.ids()))
            took.append(time.monotonic() - started)
            time.sleep(0.2)
        self.assertLess(max(took), SLOW_S / 2)
        self.assertLess(statistics.median(took), 1)  # by the second: alice is of its share
        self.assertGreater(self.carried("second"), len(ids) // 2)
        self.settle(ids[0], "alice/email")
        self.assertEqual(self.mailbox.left, 0)  # it does not wait for the good-bye
        wait_for("the good-byes", lambda: self.mailbox.quits == len(self.mailbox.mails))
        self.assertNotIn("working", self.log_of("second"))
        self.assertEqual(self.log_of("notifier").count("working"), 1)
        self.assertIsNone(second.poll())

    def test_what_is_sent_when_we_stop_is_sent_again_under_the_same_id(self):
        self.add_subscriber("alice", "spike", email="alice@example.org")
        ident, = self.put("spike", "s:1")
        child, = wait_for("the mail", self.children)
        with open(f"/proc/{child}/cmdline") as words:
            self.assertEqual(words.read().rstrip("\0").split("\0"), ["tidewire", "mail-out"])
        self.assertLess(self.stop(self.notifier), SLOW_S * 0.8)
        wait_for("the end of what sent it", lambda: not os.path.exists(f"/proc/{child}"))
        self.mailbox.slow = {}
        self.notifier = self.start("notifier")
        self.settle(ident, "alice/email", "done 1", 2 * HIDDEN_S)
        ids = {email.message_from_bytes(content)["Message-ID"]
               for *_, content in self.mailbox.mails}
        self.assertEqual(ids, {f"<{ident}-alice~email@example.org>"})


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
