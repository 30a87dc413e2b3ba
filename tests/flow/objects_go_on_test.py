"""Trouble with one segment's list of objects holds up no other segment: a list that is damaged is
made again, one that cannot be read waits, and the log names its stream and segment."""

import sys

import kill_test
from harness import Instance, Pusher, wait_for
from stage_test import CONFIG, objects, push_all


def lists(instance):
    return sorted((instance.dir / "stage/tw/collector").glob("*.objects"))


def main():
    ports = kill_test.free_ports(2)
    with Instance(CONFIG.format(push=ports[0], alerts=ports[1])) as instance:
        log = instance.dir / "log/collector.log"
        instance.up()
        instance.alerts_endpoint()
        push_all(instance, ports)
        client = Pusher(f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}", "json",
                        client="later")

        def lengthen(count):
            """The log, until there are so many lists: a segment is closed when a record comes."""
            def step():
                client.send(raw=b'{"price": 1}')
                client.settle()
                return len(lists(instance)) >= count
            wait_for(f"{count} lists", step)

        lengthen(3)
        instance.word("down")
        damaged, unreadable = lists(instance)[:2]
        whole = damaged.read_text()
        damaged.write_text(whole[:-4] + "\0\0\0\0")
        unreadable.unlink()
        unreadable.mkdir()
        before = len(objects(instance))
        instance.up()
        lengthen(len(lists(instance)) + 2)
        wait_for("objects of later segments", lambda: len(objects(instance)) > before)
        assert damaged.read_text() == whole
        wait_for("what was damaged to be told",
                 lambda: "damaged lists of objects were made again" in log.read_text())
        place = f"stream collector, segment {int(unreadable.stem)}: {unreadable.name}"
        wait_for("the trouble to be told", lambda: place in log.read_text())
        unreadable.rmdir()
        wait_for("the list that waited", unreadable.is_file)
        client.close()
    print("objects: one list made again, one waited, none held up another", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
