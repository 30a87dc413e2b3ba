"""What a chaos run does to the pipeline. Each fault strikes, undoes what it did, and says from when
on the pipeline could work again: recovery is measured from there.
"""

import contextlib
import os
import signal
import subprocess
import time

import redis

import points

LEASE_S = 3.0          # of a transform; a stop is longer
ROLES = ["collector", "prep", "transform", "notifier", "broker", "redis"]
STOPPED_S = {"transform": 4.5, "prep": 4.5, "notifier": 6.5, "collector": 4.0, "broker": 4.0,
             "redis": 4.0}
WORKERS = ["transform", "prep", "notifier", "collector", "broker"]
RULE = "tw:rule:extra"
CLOCK_STEPS_S = [-3600, -10, 10, 3600]
CHECKER_S = 120
OLD_SEGMENTS = 8        # of 5 s: what is older is committed, whatever dies


class Missed(Exception):
    """The fault could not be made: said in the result, and no violation of the product."""


def kill(world, dice, role):
    process = dice.choice(world.pipeline.named(role))
    return world.kill(process)


def stop(world, dice, role):
    """Longer than its lease, then on: whoever took its place must not be disturbed."""
    process = dice.choice(world.pipeline.named(role))
    if not process.send(signal.SIGSTOP):
        raise Missed("it was not running")
    world.count("stops")
    time.sleep(STOPPED_S[role] + dice.uniform(0, 1))
    process.send(signal.SIGCONT)
    return time.monotonic()


def term(world, dice, role):
    process = dice.choice(world.pipeline.named(role))
    at = time.monotonic()
    world.terminate(process)
    return at


def double(world, dice):
    worker = dice.choice(world.pipeline.named(dice.choice(WORKERS)))
    first, second = [worker, world.pipeline.processes["redis"]][::dice.choice([1, -1])]
    world.kill(first)
    time.sleep(dice.uniform(0, 0.1))
    return world.kill(second)


def point(world, dice, name):
    action = dice.choices(["kill", "stop", "exit"], [8, 1, 1])[0]
    process = points.arm(world, name, action, dice)
    if not process:
        raise Missed(f"not reached within {points.REACH_S} s")
    if action == "stop":
        time.sleep(STOPPED_S[process.role])
        process.send(signal.SIGCONT)
    else:
        world.count("kills" if action == "kill" else "exits")
    return time.monotonic()


# ---- links --------------------------------------------------------------------------------------

LINKS = ["client-collector", "collector-prep", "prep-transform", "transform-collector",
         "notifier-broker", "broker-subscriber", "redis"]


def cut(world, dice, link):
    port = world.port_of(link)
    there, back = dice.choice([(True, True), (True, False), (False, True)])
    world.links.cut(port, there, back)
    time.sleep(dice.uniform(0.5, 4.5))
    world.links.mend()
    return time.monotonic()


def reset(world, dice, link):
    port = world.port_of(link)
    at = time.monotonic()
    for _ in range(dice.randint(1, 5)):
        world.links.reset(port)
        time.sleep(0.05)
    return at


def slow(world, dice, link):
    world.links.slow(world.port_of(link), dice.choice([200, 1000, 4000]))
    time.sleep(dice.uniform(1, 3))
    world.links.fast()
    return time.monotonic()


def hang(world, dice):
    """The connections of one process to Redis take no more packets; new ones do."""
    process = dice.choice(world.pipeline.named(dice.choice(["transform", "notifier", "collector"])))
    if not process.child:
        raise Missed("it was not running")
    world.links.cut_connections(process.child.pid, world.pipeline.redis_port)
    time.sleep(dice.uniform(1, 3))
    world.links.mend()
    return time.monotonic()


# ---- disks and clocks ----------------------------------------------------------------------------

def full(world, dice, disk):
    world.disks[disk].fill()
    time.sleep(dice.uniform(1, 4))
    world.disks[disk].free()
    return time.monotonic()


def slow_sync(world, dice, role):
    under = world.unders[role]
    under.sync_takes(dice.choice([50_000, 400_000]))
    time.sleep(dice.uniform(2, 4))
    under.sync_takes()
    return time.monotonic()


def slow_sync_kill(world, dice):
    """With everysec, what Redis acknowledged meanwhile is lost: it goes back in time."""
    under = world.unders["redis"]
    under.sync_takes(1_500_000)
    time.sleep(dice.uniform(2, 4))
    world.kill(world.pipeline.processes["redis"])
    under.sync_takes()
    return time.monotonic()


def clock(world, dice, role):
    under = world.unders[role]
    under.clock_is_off(dice.choice(CLOCK_STEPS_S) * 1_000_000)
    at = time.monotonic()
    time.sleep(dice.uniform(1, 2))
    under.clock_is_off(0)
    return at


def flip(world, dice):
    """A bit of a sealed segment: found by `stage verify`, and the collector starts over it."""
    folder = world.run / "stage/tw/collector"
    world.wait("a segment that is old enough",
               lambda: len(list(folder.glob("*.seg"))) > OLD_SEGMENTS, CHECKER_S)
    sealed = sorted(folder.glob("*.seg"))[:-OLD_SEGMENTS]
    world.wait("the checker to have read it", world.checker.idle, CHECKER_S)
    path = dice.choice(sealed)
    place, bit = dice.randrange(64, path.stat().st_size), 1 << dice.randrange(8)
    name = str(path.relative_to(world.run))
    world.note(fault="flip", file=name, offset=place, bit=bit)
    flip_bit(path, place, bit)

    def mend():
        flip_bit(path, place, bit)
        world.note(fault="flip mended", file=name, offset=place, bit=bit)

    world.afterwards.append(mend)
    verify = subprocess.run([str(world.pipeline.program), "stage", "verify", "-c",
                             str(world.run / "config.yaml"), "--dir", str(world.run)],
                            capture_output=True, text=True, timeout=120,
                            env={**os.environ, **world.pipeline.quick})
    said = (verify.stdout + verify.stderr).strip()
    if verify.returncode != 1 or " are damaged" not in said or " 1 damaged places" not in said:
        world.violation(f"a flipped bit at {name}:{place} was not reported by stage verify: "
                        f"exit {verify.returncode}, {said[-300:]}")
    return world.kill(world.pipeline.processes["collector"])


def flip_bit(path, place, bit):
    file = os.open(path, os.O_RDWR)
    try:
        (byte,) = os.pread(file, 1, place)
        os.pwrite(file, bytes([byte ^ bit]), place)
    finally:
        os.close(file)


# ---- Redis --------------------------------------------------------------------------------------

def rewrite(world, dice):
    """Killed while it writes its log anew."""
    store = world.pipeline.store()
    store.config_set("rdb-key-save-delay", 500)
    with contextlib.suppress(redis.ResponseError):  # it has begun one by itself
        store.bgrewriteaof()
    world.wait("an AOF rewrite to begin",
               lambda: store.info("persistence")["aof_rewrite_in_progress"], 10)
    time.sleep(dice.uniform(0, 0.3))
    return world.kill(world.pipeline.processes["redis"])


def loading(world, dice):
    """Killed again while it loads."""
    server = world.pipeline.processes["redis"]
    server.words += ["--key-load-delay", "100"]
    try:
        ends = len(server.ends)
        world.kill(server)
        world.await_start(server, ends)
        time.sleep(dice.uniform(0.05, 0.4))
    finally:
        del server.words[-2:]
    return world.kill(server)


def rule(world, dice):
    """Somebody changes a rule, by one command."""
    store = world.pipeline.store()
    if dice.random() < 0.25:
        store.delete(RULE)
    else:
        store.hset(RULE, mapping={
            "on": "trade", "when": f"pair LIKE 'S0{dice.randrange(10)}%' AND "
                                   f"volume > {dice.choice(['1.99', '2.5', '3.5'])} * "
                                   "avg(volume) OVER last_5s AND "
                                   f"price < {dice.randint(200, 500)}"})
    return time.monotonic()


def subscriber(world, dice):
    return world.kill(world.listeners[1], counts=False)


def all_faults():
    """name: (weight, function, arguments)."""
    faults = {}
    for role in ROLES:
        faults[f"kill {role}"] = (30 if role == "transform" else 20, kill, (role,))
        faults[f"stop {role}"] = (1.2, stop, (role,))
        faults[f"term {role}"] = (1, term, (role,))
    faults["kill worker and redis"] = (24, double, ())
    for name in points.POINTS:
        faults[f"at {name}"] = (1.2, point, (name,))
    for link in LINKS:
        faults[f"cut {link}"] = (0.7, cut, (link,))
        faults[f"reset {link}"] = (0.5, reset, (link,))
    for link in LINKS[1:4]:
        faults[f"slow {link}"] = (0.3, slow, (link,))
    faults["hang redis connections"] = (0.7, hang, ())
    for disk in "stage", "redis":
        faults[f"full {disk}"] = (1, full, (disk,))
    faults["slow fsync collector"] = (0.7, slow_sync, ("collector",))
    faults["slow fsync redis"] = (0.7, slow_sync, ("redis",))
    faults["slow fsync, kill redis"] = (4, slow_sync_kill, ())
    for role in "collector", "prep", "transform", "notifier", "redis":
        faults[f"clock step {role}"] = (0.4, clock, (role,))
    faults["flip a bit"] = (0.7, flip, ())
    faults["kill redis, rewriting"] = (4, rewrite, ())
    faults["kill redis, loading"] = (4, loading, ())
    faults["change a rule"] = (1, rule, ())
    faults["kill subscriber"] = (1, subscriber, ())
    return faults
