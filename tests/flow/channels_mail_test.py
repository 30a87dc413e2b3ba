#!/usr/bin/python3
"""E-mail through a real SMTP server, python3-aiosmtpd: STARTTLS, TLS from the beginning, logins, and
every way to refuse.

Environment: TIDEWIRE = the program (default build/release/tidewire).
Needs what channels_test.py needs, python3-aiosmtpd and openssl.
"""
import email
import email.policy
import logging
import os
import ssl
import subprocess
import sys
import threading
import unittest
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from channels_test import ChannelTest
from harness import free_ports
from notifier_test import TIDEWIRE

logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # what clients do to it is what we try
warnings.filterwarnings("ignore", module="aiosmtpd")
USER, PASSWORD = "tidewire", "a pass word"


class Mailbox:
    """What a server does with what it is told: `answers` may hold another answer for a while."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mails, self.logins, self.answers = [], [], {}

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
        with self.lock:
            self.mails.append((envelope.mail_from, list(envelope.rcpt_tos),
                               bool(session.ssl), envelope.content))
        return "250 taken"

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

    def test_a_server_that_is_away_holds_up_no_webhook(self):
        self.closers.pop()()  # the server
        self.add_subscriber("alice", "spike", email="alice@example.org",
                            webhook=self.receiver.url())
        ident, = self.put("spike", "s:1")
        self.settle(ident, "alice", seconds=5)
        self.assertRegex(self.settle(ident, "alice/email", "retry 1"), "(?i)connect")


if __name__ == "__main__":
    if not os.access(TIDEWIRE, os.X_OK):
        print(f"{TIDEWIRE} is not there: build it or set TIDEWIRE", file=sys.stderr)
        sys.exit(1)
    unittest.main(verbosity=2)
