"""The stage and its objects: made in the background, read by zcat, looked into with and without a
running collector, the same after kill -9 in the middle, and damage is told with its place.
"""

import base64
import gzip
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys

import kill_test
import msgpack
from harness import Instance, PROGRAM, Pusher, wait_for

CONFIG = """
stage: dir:stage
stage_seal: 1s
listen: {{ alerts: "tcp://127.0.0.1:{alerts}" }}
sources:
  - name: json
    url: push://tcp://127.0.0.1:{push}
    rows: ""
    table: trade
    key: {{ pair: =P }}
    time: fetch
    columns: {{ price: /price }}
  - name: csv
    url: push://tcp://127.0.0.1:{push}
    format: csv
    table: quote
    key: {{ pair: =P }}
    time: fetch
    columns: {{ bid: bid }}
"""

PAYLOADS = {
    "json": [b'{"price": 1.10, "big": 12345678901234567890}', b'{"price": "2"}',
             b'{\n  "price": 3\n}\n', b'\xff\xfe no json, no text \x00', b'', b'{"price": 4'],
    "csv": [b'bid\n1.5\n2.5\n', b'bid\r\n7\r\n', 'bid,"über"\n1\n'.encode()],
}


def objects(instance):
    return sorted((instance.dir / "stage").glob("tw.objects/**/*.json.gz"))


def payload_of(line):
    """As any reader would: the bytes of a line's payload, without our code."""
    record = json.loads(line)
    if "payload" in record:
        return line[line.index(b'"payload":') + len(b'"payload":'):-2]
    if "text" in record:
        return record["text"].encode()
    return base64.b64decode(record["base64"])


def push_all(instance, ports):
    sent = {}
    for source, payloads in PAYLOADS.items():
        client = Pusher(f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}", source)
        for payload in payloads:
            client.send(raw=payload)
        client.settle()
        client.close()
        sent[source] = payloads
    return sent


def records(instance):
    """What the log holds, by source, in order, from `stage cat --json`."""
    out = subprocess.run([PROGRAM, "stage", "cat", "--json", "--dir", str(instance.dir)],
                         capture_output=True, timeout=60, check=True).stdout
    return out.splitlines(keepends=True)


def frame_payload(frame):
    """A pushed frame is staged as it came, msgpack and all; the payload is inside."""
    return msgpack.unpackb(frame)["raw"]


def same_bytes(lines, sent):
    for source, payloads in sent.items():
        found = [frame_payload(payload_of(line)) for line in lines
                 if json.loads(line)["source"] == source]
        assert found == payloads, f"{source}: {found}"


def verify(instance, code=0):
    run = instance.word("stage", "verify", check=False)
    assert run.returncode == code, run
    return run.stdout


def covered(instance, seq):
    """Objects hold every payload up to here."""
    run = instance.word("stage", "ls", "--json")
    entries = [json.loads(line) for line in run.stdout.splitlines()]
    held = sum(e["records"] for e in entries if e["kind"] == "object")
    return held >= seq


def candles(instance):
    """file:// payloads are staged as they are: JSON stays JSON for whoever asks it."""
    rows = json.dumps([[1_679_000_000_000 + 60_000 * i, str(100 + i)] for i in range(500)])
    (instance.dir / "candles.json").write_text(rows)


def readers(instance, sent):
    """zcat, and nothing of ours."""
    lines = []
    for path in objects(instance):
        text = subprocess.run(["zcat", str(path)], capture_output=True, check=True).stdout
        assert text.endswith(b"\n")
        lines += text.splitlines(keepends=True)
        date, name = path.parts[-2:]
        first = json.loads(text.split(b"\n")[0])
        assert first["recv"].startswith(date)
        assert name.split("-")[-1] == f"{first['seq']}.json.gz"
    lines.sort(key=lambda line: json.loads(line)["seq"])
    logged = [line for line in records(instance)
              if json.loads(line)["seq"] <= json.loads(lines[-1])["seq"]]
    assert lines == logged, "objects and `stage cat --json` differ"
    same_bytes(lines, sent)
    return lines


def digests(instance):
    return {str(p.relative_to(instance.dir)): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in objects(instance)}


def killed_in_between(instance):
    """Whatever was there when it was killed: the next life makes the same objects again."""
    pid = int(instance.actors("collector")[0]["pid"])
    before = digests(instance)
    os.kill(pid, signal.SIGKILL)
    wait_for("it to be gone", lambda: not pathlib.Path(f"/proc/{pid}").exists())
    stream = next((instance.dir / "stage/tw").glob("*/*.objects")).parent
    made = sorted(stream.glob("*.objects"))[0]
    text = made.read_text()
    # as if killed after its routes were written: one object half made, the others not at all
    made.write_text("".join(line + "\n" for line in text.splitlines()
                            if line.split()[0] not in ("object", "complete")) + "begun\n")
    names = [line.split()[1] for line in text.splitlines() if line.startswith("object ")]
    for name in names:
        path = instance.dir / "stage/tw.objects" / name
        path.with_name(path.name + ".part").write_bytes(path.read_bytes()[:20])
        path.unlink()
    wait_for("the objects to be there again",
             lambda: made.exists() and made.read_text().endswith("complete\n"))
    after = digests(instance)
    assert {n: d for n, d in after.items() if n in before} == before, "other names or bytes"
    assert not list((instance.dir / "stage").glob("**/*.part"))
    verify(instance)


def damaged(instance):
    def with_flipped(path, at, code, *said):
        data = path.read_bytes()
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1:])
        out = verify(instance, code)
        for text in said:
            assert text in out, f"{text}: {out}"
        path.write_bytes(data)
    path = next(p for p in objects(instance) if "file" in p.parts)
    with_flipped(path, path.stat().st_size // 2, 1, "stream", path.name)
    segment = sorted((instance.dir / "stage/tw").glob("*/*.seg"))[0]
    first = segment.read_bytes()
    with_flipped(segment, first.index(b"100"), 1, "damaged")
    whole = gzip.decompress(path.read_bytes())
    data = path.read_bytes()
    path.write_bytes(gzip.compress(whole.replace(b'"100"', b'"900"')))
    assert "damaged" in verify(instance, 1)
    path.unlink()
    assert path.name in verify(instance, 1)
    path.write_bytes(data)
    assert "0 damaged" in verify(instance)


def cat(instance):
    run = subprocess.run([PROGRAM, "stage", "cat", "--source", "file", "--dir", str(instance.dir)],
                         capture_output=True, timeout=60, check=True)
    assert run.stdout == (instance.dir / "candles.json").read_bytes()
    seqs = [json.loads(line)["seq"] for line in records(instance)]
    one = instance.word("stage", "cat", "--json", "--seq", f"{seqs[1]}..{seqs[2]}").stdout
    assert [json.loads(line)["seq"] for line in one.splitlines()] == seqs[1:3]
    assert not instance.word("stage", "cat", "--to", "2020-01-01T00:00:00Z").stdout
    bad = instance.word("stage", "ls", "--stream", "nobody", check=False)
    assert bad.returncode == 1 and "nobody" in bad.stderr


def configuration(ports):
    return CONFIG.format(push=ports[0], alerts=ports[1]) + """
  - name: file
    url: file://DIR/candles.json
    rows: /*
    table: candle
    key: { pair: =X }
    time: { at: /0, unit: ms }
    columns: { close: /1 }
"""


def fill(instance, ports):
    """Start it, give it payloads of every kind, wait for their objects. What was pushed."""
    candles(instance)
    instance.up("broker,notifier,prep,transform,collector")
    sent = push_all(instance, ports)
    count = sum(map(len, sent.values())) + 1
    wait_for("objects of everything that was sent", lambda: covered(instance, count))
    return sent


def main():
    ports = kill_test.free_ports(2)
    with Instance(configuration(ports)) as instance:
        sent = fill(instance, ports)
        verify(instance)
        readers(instance, sent)
        killed_in_between(instance)
        instance.word("down")
        out = verify(instance)
        cat(instance)
        damaged(instance)
        print(out.strip(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
