#!/usr/bin/python3
"""The real pipeline under load while everything that can break is broken: `./run chaos`.

    chaos.py [--minutes N] [--seed S] [--kills N] [--fsync always|everysec] [--rows N] [--only TEXT]
             [--each fault|kind] [--program FILE] [--keep DIR] [--json FILE]

Faults are drawn from the seed, one after the other: each strikes, the pipeline recovers, and an
independent checker (checker.mjs) compares what clients received with what the log implies. Prints a
table and exits 1 if anything was lost, came twice, or did not recover. See docs/reliability.md.
"""

import argparse
import pathlib
import random
import sys
import time

import redis

import faults
import ground
import story
from world import Vain, World

TOP = pathlib.Path(__file__).resolve().parents[2]
KILLS_MOST = 1_000_000
ROWS_A_SECOND = 20_000
PAUSE_S = (0.05, 0.4)    # between a recovery and the next fault
RUN_S = 60               # until every process runs again
DRAIN_S = 120            # at the end, for the last frame to be durable
SETTLE_S = 90            # and for the last delivery


def options():
    words = argparse.ArgumentParser(prog="./run chaos", description="faults on the real pipeline")
    words.add_argument("--minutes", type=float, default=10)
    words.add_argument("--seed", type=int, default=None)
    words.add_argument("--kills", type=int, default=KILLS_MOST, help="end after so many")
    words.add_argument("--fsync", choices=["always", "everysec"], default="everysec",
                       help="appendfsync of Redis")
    words.add_argument("--rows", type=int, default=ROWS_A_SECOND, help="a second")
    words.add_argument("--only", default="", help="faults whose name has this in it, by commas")
    words.add_argument("--each", choices=["fault", "kind"], help="each once, then end")
    words.add_argument("--program", type=pathlib.Path, default=TOP / "build/faults/tidewire")
    words.add_argument("--keep", type=pathlib.Path, help="a new folder that keeps everything")
    words.add_argument("--json", type=pathlib.Path, default=TOP / "build/chaos.json",
                       help="where the figures go (default: build/chaos.json)")
    return words.parse_args()


class Draw:
    """Which fault comes next: by weight, but some of those not seen yet, so that all come."""

    def __init__(self, chosen, dice, each):
        self.faults, self.dice, self.each = chosen, dice, each
        self.left = list(chosen)
        dice.shuffle(self.left)
        if each == "kind":
            kinds = {self._kind(name): name for name in self.left}
            self.left = list(kinds.values())
        self.left.sort(key=lambda name: chosen[name][1] is not faults.flip)  # needs old segments

    def _kind(self, name):
        _, function, words = self.faults[name]
        return (function, words if function is faults.full else None)

    def next(self):
        if self.left and (self.each or self.dice.random() < 0.3):
            return self.left.pop()
        if self.each:
            return None
        names = list(self.faults)
        name = self.dice.choices(names, [self.faults[n][0] for n in names])[0]
        if name in self.left:
            self.left.remove(name)
        return name


def strike(world, name, fault):
    _, function, words = fault
    began = time.monotonic()
    world.fault = name
    world.note(fault=name)
    missed = None
    try:
        since = function(world, world.dice, *words)
    except (faults.Missed, redis.RedisError) as reason:
        missed, since = str(reason), time.monotonic()
    except Vain as reason:
        world.violation(f"I8 {reason}")
        since = time.monotonic()
    finally:
        world.links.mend()
        world.links.fast()
    seconds = world.recovered(since)
    if seconds is None:
        world.violation("I8 not recovered within a minute")
    while world.afterwards:
        world.afterwards.pop()()
    world.checker.after(name)
    world.result.add(name, None if missed else seconds, missed)
    told = f"missed: {missed}" if missed else \
        f"recovered in {seconds:.2f} s" if seconds is not None else "not recovered"
    print(f"{began - world.begun:7.1f} {name:34} {told}", flush=True)


def conduct(world, words):
    chosen = {name: fault for name, fault in faults.all_faults().items()
              if any(part in name for part in words.only.split(","))}
    if not chosen:
        sys.exit(f"chaos: no fault has '{words.only}' in its name")
    draw = Draw(chosen, random.Random(world.seed), words.each)
    until = world.begun + 60 * words.minutes
    while time.monotonic() < until and world.counts["kills"] < words.kills:
        name = draw.next()
        if name is None:
            break
        strike(world, name, chosen[name])
        try:
            world.wait("every process to run", world.all_run, RUN_S)
        except Vain as reason:
            world.violation(f"I8 {reason}")
        time.sleep(world.dice.uniform(*PAUSE_S))
    world.fault = "at the end"


def settle(world):
    """Nothing more comes in; what is under way arrives."""
    world.receiver.share = 0
    world.finish_load(DRAIN_S)
    store = world.pipeline.store()
    last, since = -1, time.monotonic()
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        entries = store.xlen("tw:alerts")
        waiting = int(store.get("tw:{deliveries}:count") or 0)
        if entries != last:
            last, since = entries, time.monotonic()
        if not waiting and time.monotonic() - since > 12:
            break
        time.sleep(0.2)


def again(words, world):
    """The command of this run."""
    given = [("minutes", f"{words.minutes:g}"), ("seed", world.seed), ("fsync", world.policy)]
    if words.kills != KILLS_MOST:
        given.append(("kills", words.kills))
    if words.rows != ROWS_A_SECOND:
        given.append(("rows", words.rows))
    if words.only:
        given.append(("only", f"'{words.only}'"))
    if words.each:
        given.append(("each", words.each))
    return "./run chaos " + " ".join(f"--{name} {value}" for name, value in given)


def report(world, words):
    result, checker, command = world.result, world.checker, again(words, world)
    seconds = time.monotonic() - world.begun
    print(f"\nseed {world.seed}, {world.rows_a_second} rows/s, appendfsync {world.policy}, "
          f"{seconds:.0f} s: " + ", ".join(f"{n} {what}" for what, n in sorted(world.counts.items())))
    print(result.table())
    print(f"{len(result.violations)} violations; {checker.summary()}")
    for text in result.violations[:20]:
        print(f"  {text}")
    for line in story.stories(world.run, result.violations):
        print(f"  {line}")
    print(f"again: {command}")
    result.write(words.json, command=command, seed=world.seed, minutes=words.minutes,
                 rows_a_second=world.rows_a_second, fsync=world.policy, seconds=round(seconds),
                 counts=dict(world.counts), checked=checker.summary())


def chaos(words, run):
    seed = words.seed if words.seed is not None else random.SystemRandom().randrange(1 << 32)
    sanitized = "sanitize" in str(words.program)
    world = World(run, words.program, words.program.parent / "libunder.so", seed, words.fsync,
                  words.rows, sanitized)
    try:
        world.start()
        world.begun = time.monotonic()
        print(f"chaos: seed {seed}, running in {run}", flush=True)
        conduct(world, words)
        settle(world)
        world.stop()
        world.checker.final()
        if words.keep:
            world.disks["stage"].keep()
    finally:
        world.close()
        world.checker.close()
    report(world, words)
    return 1 if world.result.violations else 0


def main():
    words = options()
    words.json = words.json.absolute()
    words.program = words.program.absolute()
    if not words.program.exists():
        sys.exit(f"chaos: {words.program} is missing: cmake --preset faults && "
                 "cmake --build --preset faults")
    run, code = ground.enter(words.keep)
    if not run:
        return code
    try:
        return chaos(words, run)
    except KeyboardInterrupt:
        print("chaos: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
