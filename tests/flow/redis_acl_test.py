"""With a user of Redis for each role and nobody else, everything works, and nobody may do what is
another's: rules, webhooks, take-over after kill -9, refused rows, replay, a copy that is put back.
Redis has refused nothing until what must be refused is tried."""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading

import redis

from guarded_redis import ROLES, GuardedRedis
from harness import PROGRAM, TOP, Instance, Pusher, Subscriber, alert_log, free_ports, wait_for

CONFIG = """
redis: redis://tw-{role}@127.0.0.1:REDIS/2
redis_password_file: DIR/secrets/{role}.password
listen: { alerts: "tcp://127.0.0.1:*" }
allow_private: true
stage_seal: 1s
KEEP
sources:
  - name: feed
    url: push://tcp://127.0.0.1:PORT
    table: m
    key: { k: /k }
    time: { at: t, unit: ms }
    columns: { x: x }
    required: [x]
    identity: none
rules:
  high: { on: m, when: "x > 100", emit: row, min_rows: 0, cooldown: 1us }
"""
START_MS = 1_700_000_000_000
SERIES = 40


class Hook:
    """A receiver of webhooks."""

    def __init__(self):
        self.bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(handler):
                self.bodies.append(handler.rfile.read(int(handler.headers["Content-Length"])))
                handler.send_response(410 if handler.path == "/gone" else 204)
                handler.end_headers()

            def log_message(self, *words):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Load:
    """Every row with x above 100 is an alert of `high`."""

    def __init__(self, instance, port):
        self.instance, self.port, self.row, self.fired = instance, port, 0, 0

    def push(self, frames, x=500):
        pusher = Pusher(f"tcp://127.0.0.1:{self.port}", self.instance.alerts_endpoint(), "feed",
                        client=f"c{self.row}")
        for _ in range(frames):
            now = START_MS + self.row * 1000
            pusher.send({"k": [f"s{i}" for i in range(SERIES)], "t": [now] * SERIES,
                         "x": [x] * SERIES})
            self.row += 1
            self.fired += SERIES if x and x > 100 else 0
        pusher.settle(60)
        pusher.close()


def logged(keeper):
    ids = [fields["id"] for fields in alert_log(keeper)]
    assert len(ids) == len(set(ids)), "an alert was logged twice"
    return set(ids)


def refused_by_redis(keeper):
    return [(e["username"], e["reason"], e["context"], e["object"]) for e in keeper.acl_log()]


def start(instance, server):
    # Before the functions are there nobody runs, and everybody says what is missing.
    early = instance.actor("prep", "early")
    wait_for("what an actor says without functions",
             lambda: "redis-functions" in (instance.dir / "log/early.log").read_text())
    instance.stop(early)
    server.as_keeper().acl_log_reset()
    run = instance.bare("redis-functions", "-c", instance.config)
    assert "loaded" in run.stdout
    instance.up("broker,notifier,transform=2,prep,collector")


def people(instance, server, keeper, load, hook):
    """Rules and subscribers by redis-cli and by `rule`, webhooks, refused rows, looking."""
    server.cli("operator", "-n", "2", "HSET", "tw:subscriber:alice", "webhook", hook.url + "/hook")
    server.cli("operator", "-n", "2", "HSET", "tw:subscriber:bob", "webhook", hook.url + "/gone")
    server.cli("operator", "-n", "2", "SADD", "tw:subs:high", "alice", "bob")
    server.cli("operator", "-n", "2", "HSET", "tw:rule:low", "on", "m", "when", "x < 5",
               "min_rows", "0")
    wait_for("the rule that redis-cli wrote",
             lambda: keeper.hget("tw:status:low", "state") == "ok")
    server.cli("operator", "-n", "2", "DEL", "tw:rule:low")
    wait_for("it is gone", lambda: not keeper.exists("tw:status:low"))
    instance.word("rule", "-c", instance.config, "add", "odd", "on", "m", "when", "x = 7")
    assert "odd" in instance.word("rule", "-c", instance.config, "list").stdout
    wait_for("the rule that `rule` wrote", lambda: keeper.exists("tw:status:odd"))
    load.push(3)
    wait_for(f"{load.fired} alerts", lambda: len(logged(keeper)) == load.fired, 60)
    wait_for("a webhook for each", lambda: len({json.loads(b)["id"] for b in list(hook.bodies)}) ==
             load.fired, 60)
    wait_for("410 is noted", lambda: keeper.hget("tw:subscriber:bob", "gone"))
    load.push(1, x=None)  # required: refused rows
    wait_for("refused rows", lambda: keeper.hget("tw:{quarantine}:count:feed", "total"))
    status = instance.word("status", "--json").stdout
    assert json.loads(status)["actors"]
    assert "high" in instance.word("status").stdout
    instance.word("status", "--health", check=False)
    assert "spike" not in server.cli("operator", "-n", "2", "HGETALL", "tw:status:high")
    server.cli("operator", "-n", "2", "XREVRANGE", "tw:alerts", "+", "-", "COUNT", "1")
    assert "agrees" in instance.word("explain", next(iter(logged(keeper)))).stdout


def tail(instance, load):
    run = subprocess.Popen([PROGRAM, "tail", "-n", "1", "--dir", str(instance.dir)],
                           stdout=subprocess.PIPE, text=True)
    instance.children.append(run)
    for _ in range(50):
        load.push(1)
        if run.poll() is not None:
            break
    assert run.wait(timeout=30) == 0 and "high" in run.stdout.read()


def take_over(instance, keeper, load):
    worker = max(instance.actors("transform"), key=lambda a: int(a["partitions"]))
    os.kill(int(worker["pid"]), signal.SIGKILL)
    load.push(5)
    wait_for("alerts after kill -9", lambda: len(logged(keeper)) == load.fired, 60)
    load.push(1)
    wait_for("and on", lambda: len(logged(keeper)) == load.fired, 60)


def replayed(instance, keeper, load):
    before = logged(keeper)
    instance.word("replay", "-c", instance.config, "--from", "2023-11-14T00:00:00Z")
    wait_for("another edition", lambda: [
        f for p in range(256) for f in keeper.hkeys(f"tw:m:{{{p % 16}}}:{p}") if "~" in f], 60)
    load.push(1)
    wait_for("alerts after the replay", lambda: len(logged(keeper)) == load.fired, 60)
    assert before <= logged(keeper), "a replay gave other ids"


def put_back(instance, server, load):
    """Redis comes back empty: rules from the log, all else from the copy."""
    keeper = server.as_keeper(db=2)

    def held():
        actors = instance.actors("collector")
        return actors and actors[0].get("held_bytes", "0") not in ("", "0")
    wait_for("a copy", held, 60)
    load.push(1)
    wait_for("alerts", lambda: len(logged(keeper)) == load.fired, 60)
    first = keeper.hget("tw:{held}", "collector")
    wait_for("two copies more", lambda: keeper.hget("tw:{held}", "collector") != first, 60)
    second = keeper.hget("tw:{held}", "collector")
    wait_for("and one", lambda: keeper.hget("tw:{held}", "collector") != second, 60)
    check_nothing_refused(instance, server)
    server.empty()
    instance.bare("redis-functions", "-c", instance.config)
    server.as_keeper().acl_log_reset()  # actors came back before the functions were there
    keeper = server.as_keeper(db=2)
    wait_for("subscribers from the copy", lambda: keeper.hget("tw:subscriber:alice", "webhook"), 60)
    wait_for("rules from the log", lambda: keeper.hget("tw:rule:odd", "when"), 60)
    wait_for("the alert log", lambda: keeper.xlen("tw:alerts") > 0, 60)
    wait_for("refused rows", lambda: keeper.hget("tw:{quarantine}:count:feed", "total"), 60)
    load.push(1)
    wait_for("alerts with the copy", lambda: len(logged(keeper)) == load.fired, 60)


def check_nothing_refused(instance, server):
    refused = refused_by_redis(server.as_keeper())
    assert not refused, f"Redis has refused: {refused}"
    for log in (instance.dir / "log").glob("*.log"):
        if log.name != "early.log":
            lines = [line for line in log.read_text().splitlines() if "NOPERM" in line]
            assert not lines, (log.name, lines[:3])


# ---- what the table says, against what the functions do -------------------------------------------

CALLED = {  # functions by who calls them
    "beat": "collector prep transform notifier broker api",
    "actors": "collector prep transform notifier broker api observer",
    "owners": "transform notifier observer",
    "degraded_note": "notifier",
    "claim renew release": "transform notifier",
    "commit base_put base_swap latest": "transform",
    "outbox_take alert_log delivery_plan delivery_due delivery_return delivery_settle "
    "delivery_sleep delivery_wake delivery_part delivery_pass delivery_gather delivery_pace delivery_waiting delivery_silence "
    "delivery_silenced delivery_unsilence delivery_alone subscriber_gone incident":
        "notifier",
    "delivery_again": "operator",
    "quarantine": "prep",
    "held_begin held_marked held_end": "collector",
}
CALLED_TO_COPY = {
    "claim renew release base_put alert_log held_put held_swap held_outbox held_known "
    "held_delivery held_refused held_refuse held_refused_log held_key": "collector",
}


def inner_commands():
    """Function of Lua -> every command that it or what it calls may give to Redis."""
    text = "".join((TOP / f"broker/functions{more}.lua").read_text() for more in ("", "_held"))
    found = {}
    for part in re.split(r"^local function ", text, flags=re.M)[1:]:
        name = part.split("(")[0]
        body = re.split(r"^(?:end$|register\()", part, flags=re.M)[0]
        found[name] = (set(re.findall(r"redis\.p?call\('(\w+)'", body)),
                       set(re.findall(r"\b(\w+)\(", body)) - {name})

    def closure(name, seen):
        commands, calls = found[name]
        commands = set(commands)
        for other in (calls & set(found)) - seen:
            commands |= closure(other, seen | {name})
        return commands
    return {name: {command.lower() for command in closure(name, set())} for name in found}


def every_command_is_allowed(users, keep):
    inner = inner_commands()
    assert inner["commit"] >= {"hmget", "llen", "xadd", "rpush", "hset", "xlen", "hdel"}
    assert inner["delivery_settle"] >= {"zrem", "decr", "zadd", "hgetall", "zpopmin", "del"}
    tables = [CALLED, CALLED_TO_COPY] if keep else [CALLED]
    told = {name for table in (CALLED, CALLED_TO_COPY) for names in table for name in names.split()}
    text = "".join((TOP / f"broker/functions{more}.lua").read_text() for more in ("", "_held"))
    assert told == set(re.findall(r"^register\('(\w+)'", text, re.M)), "a function nobody calls here"
    for table in tables:
        for names, roles in table.items():
            for role in roles.split():
                line = next(x for x in users.splitlines() if x.startswith(f"user tw-{role} "))
                allowed = set(re.findall(r"\+([\w|]+)", line))
                for name in names.split():
                    assert inner[name] <= allowed, (role, name, inner[name] - allowed)


# What comes rarely, and perhaps not while this test looks.
RARE = {
    "transform": ["SET tw:{plan}:00 x", "EXISTS tw:{plan}:00", "HKEYS tw:b:{5}:37",
                  "LTRIM tw:j:{5}:37 1 -1", "HDEL tw:b:{5}:37 x", "HEXISTS tw:b:{5}:37 x",
                  "DEL tw:latest:m:s1", "HGETALL tw:m:{5}:37", "LRANGE tw:j:{5}:37 0 1",
                  "HMGET tw:{secrets} c"],
    "notifier": ["EXPIRE tw:{deliveries}:body:00 9", "DECR tw:{deliveries}:count",
                 "HGETALL tw:delivery:00", "ZPOPMIN tw:{deliveries}:dead 1",
                 "ZREMRANGEBYSCORE tw:{deliveries}:dead 0 1", "ZSCORE tw:{deliveries}:dead 00/alice",
                 "PEXPIRE tw:{deliveries}:paced:alice 1", "HDEL tw:{deliveries}:ill alice", "DEL tw:{deliveries}:body:00",
                 "HSET tw:{degraded}:causes work x", "HSET tw:{degraded}:told:work alice x",
                 "HSCAN tw:{degraded}:told:work 0", "HGETALL tw:{degraded}:causes", "SCAN 0",
                 "HGETALL tw:rule:high", "HGETALL tw:{failing}:c",
                 "ZMSCORE tw:seen:{tw:alerts} 00", "HINCRBY tw:status:high alerts 1",
                 "FCALL_RO tw_tw_2_delivery_waiting 1 tw:{deliveries}",
                 "FCALL tw_tw_2_delivery_return 1 tw:{deliveries} 00 alice 1 1 1",
                 "SCAN 0", "HGETALL tw:silence:x", "PEXPIRETIME tw:silence:x",
                 "DEL tw:status:silence:x",
                 "FCALL tw_tw_2_delivery_unsilence 3 tw:delivery: tw:{deliveries} "
                 "tw:{deliveries}:body: 9", "FCALL_RO tw_tw_2_delivery_silenced 1 tw:{deliveries}"],
    "prep": ["ZPOPMIN tw:{quarantine}:seen:feed/c 1", "SADD tw:{quarantine} feed",
             "ZREM tw:{actors} prep:p", "DEL tw:{actors}:prep:p"],
    "collector": ["HSET tw:rule:x on m", "DEL tw:rule:x", "HSET tw:{failing}:c feed x",
                  "DEL tw:{failing}:c", "PEXPIRE tw:{failing}:c 9", "HDEL tw:status:x error",
                  "DEL tw:status:x", "HSET tw:{logs} c x", "HSETNX tw:{secrets} c x",
                  "EXISTS tw:{plan}:00", "SET tw:{plan}:01 x NX"],
    "api": ["SCAN 0", "HGETALL tw:rule:high", "HGETALL tw:status:high", "HGETALL tw:latest:m:s1",
            "HGETALL tw:incident:high:m:s1", "XREVRANGE tw:alerts + - COUNT 1"],
    "observer": ["HGETALL tw:{degraded}:causes", "HGETALL tw:{failing}:c", "HMGET tw:{quarantine}:count:feed total", "XLEN tw:o:{5}",
                 "ZCARD tw:seen:{tw:alerts}", "HGET tw:m:{5}:37 off:c", "SCAN 0"],
    "operator": ["HDEL tw:{degraded}:causes collector:c2", "SREM tw:subs:high alice", "HDEL tw:subscriber:bob gone", "MULTI", "EXEC",
                 "ZRANGE tw:{actors} 0 -1", "XLEN tw:o:{5}", "LLEN tw:j:{5}:37",
                 "FCALL tw_tw_2_delivery_again 3 tw:{deliveries} tw:delivery: tw:{deliveries}:body: "
                 "alice", "HSET tw:delivery:00 alice x", "ZADD tw:{deliveries} 1 alice"],
    "deployer": ["FUNCTION LIST", "FUNCTION LOAD x"],
}
RARE_TO_COPY = ["RENAME tw:h:{5}:37 tw:j:{5}:37", "PERSIST tw:j:{5}:37", "UNLINK tw:b:{5}:37",
                "RPUSH tw:h:{5}:37 x", "EXPIRE tw:h:{5}:37 9", "SET tw:h:{5} x EX 9", "DEL tw:h:{5}",
                "HKEYS tw:m:{5}:37", "HSET tw:b:{5}:37 x x", "XREVRANGE tw:alerts + -",
                "XADD tw:o:{5} * id x", "PEXPIRETIME tw:{plan}:00", "TYPE tw:subs:high",
                "SADD tw:subs:high alice", "PEXPIREAT tw:silence:x 1", "GET tw:{deliveries}:body:00",
                "SMEMBERS tw:subs:high", "ZADD tw:{deliveries} 1 alice", "HSETNX tw:delivery:00 a b",
                "XADD tw:{quarantine}:log:feed * row 1", "ZRANGE tw:{quarantine}:seen:f/c 0 -1"]


def what_comes_rarely_is_allowed(keeper, keep):
    table = {**RARE, "collector": RARE["collector"] + (RARE_TO_COPY if keep else [])}
    for role, commands in table.items():
        for command in commands:
            said = keeper.execute_command("ACL", "DRYRUN", f"tw-{role}", *command.split())
            assert said == "OK", (role, command, said)
    if not keep:
        for command in RARE_TO_COPY:
            said = keeper.execute_command("ACL", "DRYRUN", "tw-collector", *command.split())
            assert said != "OK", ("without copies", command)


# ---- what must not be possible -------------------------------------------------------------------

def denied(connection, *words):
    try:
        answer = connection.execute_command(*words)
    except redis.exceptions.NoPermissionError:
        return
    except redis.exceptions.ResponseError as error:
        # The function may be called; what it does is refused with the rights of who called it.
        assert "ACL failure" in str(error) or "NOPERM" in str(error), (words, error)
        return
    raise AssertionError(f"{words}: allowed, answer {answer!r}")


META, JOURNAL, OUTBOX = "tw:m:{5}:37", "tw:j:{5}:37", "tw:o:{5}"
OTHERS = {  # not theirs
    "prep": [("FCALL", "tw_tw_2_commit", 3, OUTBOX, META, JOURNAL, 10),
             ("HSET", META, "token", "x"), ("HGETALL", "tw:subscriber:alice"), ("SCAN", 0)],
    "broker": [("FCALL", "tw_tw_2_claim", 1, META, "me", 1000, "force", "0" * 32),
               ("XREAD", "STREAMS", OUTBOX, "0-0"), ("HGETALL", "tw:rule:odd")],
    "transform": [("XDEL", OUTBOX, "1-1"), ("XTRIM", OUTBOX, "MAXLEN", 0), ("DEL", META),
                  ("HGETALL", "tw:subscriber:alice"), ("XADD", "tw:alerts", "*", "id", "x"),
                  ("SADD", "tw:subs:high", "eve")],
    "notifier": [("DEL", "tw:subscriber:alice"), ("DEL", "tw:silence:x"),
                 ("HSET", "tw:silence:x", "rule", "*"), ("SADD", "tw:subs:high", "eve"),
                 ("HSET", META, "token", "x"), ("DEL", OUTBOX), ("XADD", OUTBOX, "*", "id", "x")],
    "collector": [("HSET", "tw:latest:m:s1", "x", 1), ("HGETALL", "tw:subscriber:alice"),
                  ("HSET", META, "token", "x"), ("XADD", OUTBOX, "*", "id", "x"),
                  ("SADD", "tw:subs:high", "eve")],
    "api": [("HGETALL", "tw:subscriber:alice"), ("HSET", "tw:rule:x", "on", "m"),
            ("DEL", "tw:alerts"), ("HGETALL", "tw:delivery:00"), ("HGETALL", META)],
    "observer": [("HGETALL", "tw:subscriber:alice"), ("XRANGE", "tw:alerts", "-", "+"),
                 ("HSET", META, "token", "x"), ("DEL", "tw:status:high")],
    "operator": [("HSET", META, "token", "x"), ("DEL", META), ("DEL", "tw:alerts"),
                 ("FCALL", "tw_tw_2_release", 1, META, "x"), ("HSET", "tw2:rule:a", "on", "m"),
                 ("HGETALL", "tw2:rule:a")],
    "deployer": [("GET", "tw:{plan}:00"), ("HSET", "tw:rule:x", "on", "m"),
                 ("FCALL", "tw_tw_2_actors", 1, "tw:{actors}"), ("FUNCTION", "FLUSH"),
                 ("FUNCTION", "DELETE", "tw_tw_2")],
}
NOBODY = [("FLUSHALL",), ("FLUSHDB",), ("CONFIG", "GET", "*"), ("CONFIG", "SET", "dir", "/"),
          ("EVAL", "return 1", 0), ("SCRIPT", "LOAD", "return 1"), ("KEYS", "*"),
          ("DEBUG", "JMAP"), ("ACL", "LIST"), ("ACL", "SETUSER", "x"), ("SHUTDOWN", "NOSAVE"),
          ("MONITOR",), ("CLIENT", "KILL", "ID", 1), ("REPLICAOF", "127.0.0.1", 1),
          ("MODULE", "LIST"), ("MIGRATE", "127.0.0.1", 1, "x", 0, 1), ("FUNCTION", "FLUSH"),
          ("SAVE",), ("SWAPDB", 0, 1), ("PUBLISH", "__keyspace@2__:tw:rule:x", "hset"),
          ("SORT", "tw:subs:high"), ("RESTORE", "tw:x", 0, "x"), ("GET", "other:key"),
          ("SET", "other:key", 1)]


def refusals(server):
    count = 0
    for role in ROLES:
        connection = server.as_role(role)
        for words in [*NOBODY, *OTHERS[role]]:
            denied(connection, *words)
            count += 1
        if role not in ("operator", "collector"):  # who gives rules back to a Redis that lost them
            denied(connection, "HSET", "tw:rule:x", "on", "m")
            denied(connection, "DEL", "tw:rule:odd")
        if role not in ("collector", "transform", "operator"):  # who seals, who looks, who sees all
            denied(connection, "HGET", "tw:{secrets}", "collector")
            denied(connection, "HMGET", "tw:{secrets}", "collector")
            denied(connection, "HGETALL", "tw:{secrets}")
        if role != "collector":
            denied(connection, "HSET", "tw:{secrets}", "collector", "x")
            denied(connection, "HSETNX", "tw:{secrets}", "c", "x")
        if role != "deployer":
            denied(connection, "FUNCTION", "LOAD", "REPLACE", "#!lua name=tw_tw_2\n")
    keeper = server.as_keeper()
    # Of all commands that Redis calls dangerous INFO alone is allowed, to those that look whether
    # it keeps what it is told; of its scripts functions alone.
    allowed = {"dangerous": {"info"}, "scripting": {"fcall", "fcall_ro", "function"}}
    for category, good in allowed.items():
        for command in set(keeper.execute_command("ACL", "CAT", category)):
            name = command.split("|")[0]
            if name in good:
                continue
            for role in ROLES:
                answer = rights_of(keeper, role)
                assert f"+{name} " not in answer and f"+{name}|" not in answer, (role, command)
    stranger = redis.Redis(host="127.0.0.1", port=server.port)
    try:
        stranger.ping()
        raise AssertionError("who has no password comes in")
    except redis.exceptions.AuthenticationError:
        pass
    print(f"{count} refusals")


def rights_of(keeper, role):
    """All that ACL LIST says of the user."""
    return next(line for line in keeper.acl_list() if line.startswith(f"user tw-{role} ")) + " "


def check_nothing_refused_since(instance, server):
    refused = [entry for entry in refused_by_redis(server.as_keeper())
               if entry[3] != "function|load"]  # tried until the functions were there again
    assert not refused, f"Redis has refused: {refused}"


def run(keep, course):
    """One instance with a Redis of its own; everybody is up, the load has its first rows behind it."""
    redis_port, feed_port = free_ports(2)
    config = (CONFIG.replace("REDIS", str(redis_port)).replace("PORT", str(feed_port))
              .replace("KEEP", "stage_keep: 36500d\ncopy_every: 1s" if keep else ""))
    with Instance(config) as instance:
        server = GuardedRedis(instance.dir, instance.config, redis_port)
        hook = Hook()
        try:
            first = server.print_users()
            assert server.print_users() == first, "who has a password keeps it"
            every_command_is_allowed(first, keep)
            server.start()
            what_comes_rarely_is_allowed(server.as_keeper(), keep)
            start(instance, server)
            load = Load(instance, feed_port)
            people(instance, server, server.as_keeper(db=2), load, hook)
            check_nothing_refused(instance, server)
            course(instance, server, load)
            instance.word("down")
            print(f"{load.fired} alerts, each once; Redis refused nothing", flush=True)
        finally:
            server.stop()


def without_copies(instance, server, load):
    keeper = server.as_keeper(db=2)
    subscriber = Subscriber(instance.alerts_endpoint())
    tail(instance, load)
    take_over(instance, keeper, load)
    replayed(instance, keeper, load)
    check_nothing_refused(instance, server)
    assert subscriber.ids() and subscriber.ids() <= logged(keeper)
    subscriber.close()
    refusals(server)


def with_copies(instance, server, load):
    put_back(instance, server, load)
    check_nothing_refused_since(instance, server)


def main():
    run(False, without_copies)
    run(True, with_copies)


if __name__ == "__main__":
    sys.exit(main())
