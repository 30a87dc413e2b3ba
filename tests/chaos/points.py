"""The named fault points (broker/runtime/fault_point.h): who passes each, and how to make it happen."""

import signal
import time

# point: (role, most passages to draw from, what it is)
POINTS = {
    "stage.written": ("collector", 40, "records written, not yet flushed"),
    "stage.flushed": ("collector", 40, "records flushed, nobody told"),
    "stage.walked": ("collector", 1, "while the log is opened: read, its tail not yet cut"),
    "stage.mended": ("collector", 1, "while the log is opened: tail cut, nothing appended"),
    "files.replaced": ("collector", 2, "a file renamed, its directory not flushed"),
    "object.renamed": ("collector", 2, "a stage object renamed, its directory not flushed"),
    "collector.staged": ("collector", 40, "records durable, the client not told"),
    "collector.told": ("collector", 40, "the client told, nothing sent downstream"),
    "prep.mapped": ("prep", 40, "rows mapped, not sent"),
    "commit.gathered": ("transform", 40, "a commit made, not sent"),
    "commit.sent": ("transform", 40, "a commit sent, not answered"),
    "commit.answered": ("transform", 40, "a commit answered, the answer not used"),
    "base.piece": ("transform", 1, "a piece of a base stored"),
    "base.written": ("transform", 1, "all pieces stored, not swapped"),
    "base.swapped": ("transform", 1, "a base swapped, the answer not used"),
    "partition.claimed": ("transform", 1, "partitions claimed, none loaded"),
    "partition.loaded": ("transform", 60, "some partitions loaded"),
    "partition.left": ("transform", 1, "partitions drained, not released"),
    "alert.published": ("notifier", 5, "alerts published, not logged"),
    "alert.planned": ("notifier", 10, "deliveries planned, alerts not logged"),
    "alert.logged": ("notifier", 5, "alerts logged, the cursor not moved"),
    "delivery.answered": ("notifier", 5, "a webhook answered, the outcome not told"),
    "news.received": ("broker", 10, "an alert received, not passed on"),
}
REACH_S = 12  # in which an armed process must get there


def arm(world, point, action, dice):
    """Start a process of that role with the order; when it came there, or None."""
    role, most, _ = POINTS[point]
    process = dice.choice(world.pipeline.named(role))
    others = [p for p in world.pipeline.named(role) if p is not process]
    said = process.log_size()
    process.fault = f"{point}:{dice.randint(1, most)}:{action}"
    ends = len(process.ends)
    if point == "partition.left":
        return _leave(world, process, said, action)
    world.end(process, gently=dice.random() < 0.5)
    alone = others if role == "notifier" else []  # one that stands by passes no point
    for other in alone:
        other.held = True
        world.terminate(other)
    try:
        world.await_start(process, ends)
        return world.await_said(process, said, f"fault point {point} reached", REACH_S)
    finally:
        for other in alone:
            other.held = False


def _leave(world, process, said, action):
    """It passes there when it is told to stop; so it is started, left to work, then told. One that
    stands still there cannot end before it is waked."""
    ends = len(process.ends)
    world.end(process, gently=False)
    world.await_start(process, ends)
    time.sleep(2.5)  # until it owns partitions
    if action == "stop":
        process.send(signal.SIGTERM)
    else:
        world.terminate(process)
    return world.await_said(process, said, "fault point partition.left reached", REACH_S)
