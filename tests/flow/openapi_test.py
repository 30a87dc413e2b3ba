"""The description of the API (/api/v1/openapi.json) against the API: it is sound by itself, names the
paths that the documents name, and every path answers as it says: codes, types, and bodies that fit their
schemas, which allow nothing that they do not name; parameters at and beyond their limits; every refusal.
"""

import http.client
import json
import os
import pathlib
import re
import signal
import time

import jsonschema

from harness import TOP, Instance, free_port, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:PORT" }
sources:
  - name: market
    url: simulate://market?seed=7&series=20&rate=200
    rows: /*
    table: trade
    key: { exchange: "=simulated", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
derive:
  trade: { ratio: volume / avg(volume) OVER last_1h }
rules:
  often: { on: trade, when: "volume > 0.5 * avg(volume) OVER last_10m", severity: info, note: "NOTE" }
  each: { on: trade, when: "volume > 0", emit: row, min_rows: 0, alerts_max: 3 }
  still: { on: trade, when: "volume > 2 * avg(volume) OVER last_10m", freeze: true }
"""
VERBS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
LIST = re.compile(r"^\| `(/[^`]*)` ", re.M)
READS_S = 6
KEPT = 4096  # entries of the alert log that an actor has for those who come back
ITSELF = "/api/v1/openapi.json"


class Description:
    """The document, and its schemas ready for use."""

    def __init__(self, document):
        self.document = document

    def resolve(self, part):
        """What stands where a reference points to; refuses one that points nowhere."""
        while isinstance(part, dict) and "$ref" in part:
            assert set(part) == {"$ref"} and part["$ref"].startswith("#/"), part
            found = self.document
            for name in part["$ref"][2:].split("/"):
                found = found[name]
            part = found
        return part

    def schema(self, part):
        return jsonschema.Draft202012Validator(
            {**part, "components": self.document["components"]},
            format_checker=jsonschema.FormatChecker())

    def fits(self, part, value, what):
        wrong = next(self.schema(part).iter_errors(value), None)
        assert not wrong, f"{what}: {wrong.message} at /{'/'.join(map(str, wrong.absolute_path))}"

    def every(self, part, place="#"):
        """(place, part) of all there is."""
        yield place, part
        inner = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for name, child in inner:
            yield from self.every(child, f"{place}/{name}")


def sound(described):
    """What a linter of such documents looks at."""
    document = described.document
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"] and document["info"]["version"] and document["servers"]
    names, used = [], set()
    for place, part in described.every(document):
        if isinstance(part, dict) and "$ref" in part:
            described.resolve(part)
            used.add(part["$ref"])
        if re.search(r"/(schema|schemas/\w+)$", place):
            jsonschema.Draft202012Validator.check_schema(described.resolve(part))
        if isinstance(part, dict) and "properties" in part:
            assert "additionalProperties" in part, f"{place}: says nothing of other members"
            assert set(part["required"]) <= set(part["properties"]), place
    for kind, parts in document["components"].items():
        for name in parts:
            assert f"#/components/{kind}/{name}" in used, f"nobody needs {kind}/{name}"
    for path, item in document["paths"].items():
        assert set(item) == {"get"} <= VERBS, path
        operation = item["get"]
        names.append(operation["operationId"])
        assert operation["summary"] and "200" in operation["responses"], path
        for code, answer in operation["responses"].items():
            assert re.fullmatch(r"[2-5]\d\d", code) and described.resolve(answer)["description"], (path, code)
        for parameter in operation.get("parameters", ()):
            assert parameter["in"] in ("query", "header") and parameter["description"] and parameter["schema"]
    assert len(set(names)) == len(names), names
    print(f"a sound description of {len(names)} paths")


def named_in_documents(described, port):
    """The table of docs/api.md and the answer to a path that is none name the same."""
    table = set(LIST.findall((TOP / "docs/api.md").read_text())) - {"/"}
    assert table == set(described.document["paths"]), table ^ set(described.document["paths"])
    answer = ask(port, "/nowhere")
    told = set(re.findall(r"/[\w/.]+\w", json.loads(answer.body)["error"]))
    assert told == table, told ^ table


class Answer:
    def __init__(self, answer, body):
        self.status, self.headers, self.body = answer.status, answer.headers, body
        self.type = (answer.headers["Content-Type"] or "").split(";")[0]


def ask(port, path, method="GET", headers=None):
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asking.request(method, path, headers=headers or {})
        answer = asking.getresponse()
        endless = answer.headers["Content-Type"] == "text/event-stream" and method == "GET"
        return Answer(answer, b"" if endless else answer.read())
    finally:
        asking.close()


def known(port, path, method="GET"):
    """An answer when there is one: an actor that gets no turn for long knows nothing for a while."""
    return wait_for(f"{path}", lambda: (lambda found: found if found.status != 503 else None)(
        ask(port, path, method)))


def as_described(described, path, answer, want=None):
    """The answer is one that the description has, of that code, type and shape."""
    what = f"{path}: {answer.status}"
    assert want is None or answer.status == want, f"{what}, not {want}: {answer.body[:200]}"
    answers = described.document["paths"][path]["get"]["responses"]
    assert str(answer.status) in answers, f"{what} is not described"
    expected = described.resolve(answers[str(answer.status)])
    for name, header in expected.get("headers", {}).items():
        assert answer.headers[name], f"{what} has no {name}"
        kind = header["schema"]["type"]
        described.fits(header["schema"], int(answer.headers[name]) if kind == "integer" else answer.headers[name],
                       f"{what} {name}")
    if "content" not in expected:
        assert answer.body == b"", what
        return None
    assert answer.type in expected["content"], f"{what} is {answer.type}"
    if answer.type != "application/json":
        return answer.body.decode()
    body = json.loads(answer.body)
    described.fits(expected["content"][answer.type]["schema"], body, what)
    return body


def beyond(schema):
    """(values that are allowed, values that are not)"""
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        return [low, high, schema.get("default", low)], [low - 1, high + 1, "x", "", "1.5", "-1", f"{low} "]
    if "pattern" in schema:
        return ["0-0", "1700000000000-0"], ["x", "1", "-", "1-", "9" * 30 + "-0"]
    return ["a*", "a" * schema["maxLength"]], ["a" * (schema["maxLength"] + 1), ""]


def with_parameter(port, path, parameter, value):
    if parameter["in"] == "header":
        return ask(port, path, headers={parameter["name"]: value})
    quoted = "".join(f"%{byte:02x}" for byte in str(value).encode())
    return ask(port, f"{path}?{parameter['name']}={quoted}")


def every_parameter(described, port):
    count = 0
    for path, item in described.document["paths"].items():
        for parameter in item["get"].get("parameters", ()):
            allowed, refused = beyond(parameter["schema"])
            for value in allowed:
                assert with_parameter(port, path, parameter, value).status == 200, (path, parameter["name"], value)
            for value in refused:
                if parameter["in"] == "header" and value == "":
                    continue  # as if it were not there
                as_described(described, path, with_parameter(port, path, parameter, value), 400)
            if parameter["in"] == "query":
                pair = f"{parameter['name']}={allowed[0]}"
                as_described(described, path, ask(port, f"{path}?{pair}&{pair}"), 400)
            count += len(allowed) + len(refused)
        if path != ITSELF:  # a file, as those of the dashboard
            as_described(described, path, ask(port, f"{path}?other=1"), 400)
    print(f"{count} values of parameters are taken or refused as described")


def told(port, path):
    """The items of a list."""
    return next(iter(json.loads(known(port, f"/api/v1/{path}").body)["data"].values()))


def every_path(described, port):
    for path, item in described.document["paths"].items():
        answer = known(port, path)
        if answer.type != "text/event-stream":
            as_described(described, path, answer, 200)
        head = known(port, path, "HEAD")
        assert (head.status, head.body, head.type) == (200, b"", answer.type), path
        if "304" in item["get"]["responses"]:
            wait_for(f"304 of {path}", lambda path=path: as_described(described, path, ask(
                port, path, headers={"If-None-Match": known(port, path).headers["ETag"]})) is None)
        for method in ("POST", "PUT", "DELETE"):
            refused = ask(port, path, method)
            assert refused.status == 405, (path, method)
            described.fits(described.document["components"]["schemas"]["Error"], json.loads(refused.body), path)
        as_described(described, path, ask(port, path, headers={"Host": "evil.example"}), 421)
    print("every path answers as described")


def read_events(port, seconds, behind):
    """[(name, data)] of what the stream says in that time to whoever comes back behind that entry."""
    known(port, "/api/v1/events", "HEAD")
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/api/v1/events", headers={"Last-Event-ID": behind})
    stream, until, events, name = asking.getresponse(), time.monotonic() + seconds, [], None
    while time.monotonic() < until:
        line = stream.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[len("event: "):]
        elif line.startswith("data: "):
            events.append((name, json.loads(line[len("data: "):])))
    asking.close()
    return events


def every_event(described, port, behind):
    told = described.document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["x-events"]
    events = read_events(port, READS_S, behind)
    for name, data in events:
        assert name in told, name
        described.fits(told[name], data, f"event {name}")
    seen = {name for name, _ in events}
    assert seen == set(told), f"of {set(told)} there were {seen}"
    print(f"{len(events)} events fit their schemas")


def without_redis(described, instance, port):
    """What is not known any more is refused as described."""
    pid = instance.redis().info()["process_id"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for path, item in described.document["paths"].items():
            if "503" in item["get"]["responses"] and path != "/healthz":
                answer = wait_for(f"503 of {path}", lambda path=path: (
                    lambda found: found if found.status == 503 else None)(ask(port, path)))
                as_described(described, path, answer, 503)
    finally:
        os.kill(pid, signal.SIGCONT)
    print("without Redis nothing that was is told as what is")


def refuses_what_is_wrong(described):
    """The schemas can fail: each of these has one thing wrong."""
    entry = described.document["components"]["schemas"]
    actor = {"role": "prep", "name": "p"}
    latest = {"series": "a", "ts": 1, "values": {"x": 1}}
    for name, right, wrongs in (
            ("Actor", actor, [{"role": "king"}, {"name": None}, {"more": {}}]),
            ("Latest", latest, [{"ts": "1"}, {"values": {"x": None}}, {"other": 1}]),
            ("Error", {"status": "error", "errorType": "method", "error": "x"}, [{"errorType": "x"}, {"x": 1}])):
        described.fits(entry[name], right, name)
        for wrong in wrongs:
            assert not described.schema(entry[name]).is_valid({**right, **wrong}), (name, wrong)


def main():
    port = free_port()
    written = json.loads(pathlib.Path(TOP / "actors/api/pages/openapi.json").read_text())
    described = Description(written)
    sound(described)
    refuses_what_is_wrong(described)
    with Instance(CONFIG.replace("PORT", str(port))) as instance:
        instance.up()
        wait_for("it to be ready", lambda: ask(port, "/readyz").status == 200)
        assert json.loads(ask(port, "/api/v1/openapi.json").body) == written
        named_in_documents(described, port)
        wait_for("entries of several kinds", lambda: len(
            {entry["kind"] for entry in told(port, "alerts?limit=256")}) >= 3)
        for path in ("rules", "incidents", "alerts", "latest", "status"):
            wait_for(f"some {path}", lambda path=path: told(port, path))
        every_path(described, port)
        every_parameter(described, port)
        wait_for("more entries than an actor keeps", lambda: instance.redis().xlen("tw:alerts") > KEPT + 1000)
        every_event(described, port, instance.redis().xrange("tw:alerts", count=1)[0][0])
        without_redis(described, instance, port)


if __name__ == "__main__":
    main()
