"""A redis-server of its own with the users that `redis-acl` prints, and one more who looks after it."""

import pathlib
import subprocess
import time

import redis

from harness import PROGRAM, wait_for

KEEPER = "keeper"  # of the test: may do everything
ROLES = ("collector", "prep", "transform", "notifier", "broker", "api", "observer", "operator", "deployer")


class GuardedRedis:
    """On loopback `port`, with `words` more of redis.conf; `reach` is how to connect to it. The
    configuration names the secrets."""

    def __init__(self, folder, config, port, *words):
        self.folder, self.config, self.port, self.words = pathlib.Path(folder), config, port, words
        self.secrets = self.folder / "secrets"
        self.reach = {"port": port}
        self.server = None

    def print_users(self):
        run = subprocess.run([PROGRAM, "redis-acl", "-c", str(self.config), "--secrets",
                              str(self.secrets)], capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stderr
        for role in ROLES:
            secret = self.secrets / f"{role}.password"
            assert secret.stat().st_mode & 0o777 == 0o600
            assert secret.read_text().strip() not in run.stdout + run.stderr
        return run.stdout

    def start(self):
        home = self.folder / "redis"
        home.mkdir(exist_ok=True)
        users = self.folder / "users.acl"
        users.write_text(self.print_users() + f"user {KEEPER} on >pw ~* &* +@all\n")
        self.server = subprocess.Popen(
            ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--dir", home,
             "--aclfile", users, "--notify-keyspace-events", "Kghx",
             "--enable-debug-command", "local", *self.words],
            stdout=open(self.folder / "redis.log", "ab"))
        keeper = self.as_keeper()

        def answers():
            try:
                return keeper.ping()
            except redis.exceptions.ConnectionError:
                assert self.server.poll() is None, (self.folder / "redis.log").read_text()
                return False
        wait_for("redis-server", answers)

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.wait()

    def empty(self):
        """It comes back with nothing but its users."""
        self.stop()
        for path in (self.folder / "redis").rglob("*"):
            if path.is_file():
                path.unlink()
        time.sleep(0.5)  # the actors find it gone
        self.start()

    def as_keeper(self, **more):
        return redis.Redis(host="127.0.0.1", username=KEEPER, password="pw",
                           decode_responses=True, **self.reach, **more)

    def as_role(self, role):
        return redis.Redis(host="127.0.0.1", username=f"tw-{role}",
                           password=(self.secrets / f"{role}.password").read_text().strip(),
                           decode_responses=True, **self.reach)

    def cli(self, role, *words):
        """redis-cli as people use it."""
        password = (self.secrets / f"{role}.password").read_text().strip()
        run = subprocess.run(["redis-cli", "-p", str(self.port), "--user", f"tw-{role}",
                              "--no-auth-warning", "-a", password, *words], capture_output=True,
                             text=True, timeout=30)
        assert run.returncode == 0 and "NOPERM" not in run.stdout + run.stderr, run
        return run.stdout
