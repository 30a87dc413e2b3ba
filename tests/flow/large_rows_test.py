"""Few bytes that become many rows: two bytes a row, sixty columns. What a message
cannot carry goes in several; what no message can carry is refused with its reason, and the records
behind it go on."""

import sys

from harness import Instance, wait_for

COLUMNS = 60
CONFIG = """
namespace: tw
redis: embedded
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: wide
    url: file://DIR/wide-*.json
    format: json
    rows: /*
    table: wide
    key: { a: "=x" }
    time: fetch
    identity: none
    columns: { COLUMNS }
rules:
  last: { on: wide, when: "c0 > 8", emit: row }
""".replace("COLUMNS", ", ".join(f"c{i}: \"\"" for i in range(COLUMNS)))
SMALL, ROWS = 60, 4000  # files, and rows in each: 480 kB, one message, become 130 MB
LARGE_ROWS = 260_000    # 145 MB


def write_file(directory, number, rows):
    rows = ",".join(["1"] * (rows - 1) + ["9"])
    (directory / f"wide-{number:02}.json").write_text(f"[{rows}]")


def records_become_many_rows():
    with Instance(CONFIG) as instance:
        for number in range(SMALL):
            write_file(instance.dir, number, ROWS)
        write_file(instance.dir, SMALL, LARGE_ROWS)
        write_file(instance.dir, SMALL + 1, 1)
        instance.up("broker,notifier,collector")
        wait_for("all to be staged", lambda: any(
            int(a["last_seq"]) >= SMALL + 2 for a in instance.actors("collector")), 60)
        instance.actor("transform", "worker")  # so all of it waits in the log
        instance.actor("prep", "prep")
        wait_for("the alerts", lambda: len(instance.logged_ids()) >= SMALL + 1, 120)
        refused = instance.redis().hgetall("tw:{quarantine}:count:wide")
        assert refused["total"] == "1", refused
        assert "the rest is not read, from row" in refused["reason"], refused
        rows = SMALL * ROWS + int(refused["reason"].rsplit(" ", 1)[1]) + 1
        worker = wait_for("all rows", lambda: [
            a for a in instance.actors("transform") if a["rows"] == rows])[0]
        prep = wait_for("all records", lambda: [
            a for a in instance.actors("prep") if a["rows"] >= rows])[0]
        assert prep["dropped"] == 0 and worker["malformed"] == 0, (prep, worker)
        print(f"{rows} rows of {COLUMNS} columns from {prep['messages']} messages", flush=True)


if __name__ == "__main__":
    records_become_many_rows()
    sys.exit(0)
