"""The dashboard in a real browser: every view in dark and light, wide and at 390 px, without a serious
violation of axe; 1,000 series in few elements and few bytes; the keyboard alone; what a rule says stays
text; it says that it is stale when the api is gone, and is live again when that is back.

Needs chromium and npm, which are no part of the suite's packages; without them only HTTP is tested."""

import gzip
import http.client
import os
import pathlib
import shutil
import subprocess
import sys

from harness import Instance, free_port, skip, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*", http: "127.0.0.1:PORT" }
sources:
  - name: market
    url: simulate://market?seed=7&series=1000&rate=500
    rows: /*
    table: trade
    key: { exchange: "=simulated", pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  often: { on: trade, when: "volume > 400", min_rows: 0, severity: info, note: "<img src=x onerror=alert(1)> NOTE" }
  spike: { on: trade, when: "volume > 3 * avg(volume) OVER last_1h", min_rows: 5, severity: critical }
"""
PACKAGES = ["playwright-core@1.65.1", "axe-core@4.14.1"]
DRIVE = pathlib.Path(__file__).with_name("dashboard_drive.mjs")
LOADED = ("/", "/app.js", "/style.css", "/icon.svg", "/markets?show=firing", "/series/trade:a%2Fb")


def ask(port, path, method="GET", **headers):
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        asking.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = asking.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        asking.close()


def answers(port):
    try:
        return ask(port, "/readyz")[0] == 200
    except OSError:
        return False


def over_http(port):
    for path in LOADED:
        status, plain, text = ask(port, path)
        policy = plain["Content-Security-Policy"]
        assert status == 200 and "default-src 'none'" in policy and "unsafe" not in policy, path
        status, packed, small = ask(port, path, Accept_Encoding="gzip")
        if packed["Content-Encoding"] == "gzip":
            assert gzip.decompress(small) == text and len(small) < len(text), path
        status, _, nothing = ask(port, path, If_None_Match=plain["ETag"])
        assert (status, nothing) == (304, b""), path
        status, head, nothing = ask(port, path, "HEAD")
        assert (status, nothing) == (200, b"") and int(head["Content-Length"]) == len(text), path
        assert ask(port, path, "POST")[0] == 405, path
        assert ask(port, path, Host="evil.example")[0] == 421, path
    for path in ("/pages.c", "/app.js/", "/marketsx", "/../etc/passwd"):
        assert ask(port, path)[0] in (400, 404), path
    print("its files are served, whole or packed, once")


def install(folder):
    """The chromium to drive; skips where something is missing."""
    chromium = shutil.which("chromium")
    if not chromium or not shutil.which("node") or not shutil.which("npm"):
        skip("no chromium, node or npm here: nobody looked at the pages")
    run = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES],
                         cwd=folder, capture_output=True, text=True, timeout=180)
    if run.returncode != 0:
        skip(f"npm install failed: {run.stderr.strip().splitlines()[:1]}")
    return chromium


def drive(mode, port, chromium, folder, **how):
    shots = os.environ.get("SHOTS", str(folder))
    return subprocess.Popen(["node", str(DRIVE), mode, f"http://127.0.0.1:{port}", chromium, shots],
                            cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)


def look(port, chromium, folder):
    with drive("look", port, chromium, folder) as looking:
        said, _ = looking.communicate(timeout=600)
    print(said, end="")
    assert looking.returncode == 0, said


def says_that_it_is_stale(instance, child, port, chromium, folder):
    with drive("stale", port, chromium, folder) as looking:
        try:
            assert looking.stdout.readline() == "live\n"
            instance.kill(child)
            assert looking.stdout.readline() == "stale\n"
            instance.actor("api", "api")
            said = looking.stdout.read()
            assert looking.wait(timeout=60) == 0 and said == "live again\n", said
        finally:
            looking.kill()
    print("it says that it is stale, and since when")


def main():
    port = free_port()
    config = CONFIG.replace("PORT", str(port)).replace("NOTE", "is what it says")
    with Instance(config) as instance:
        instance.up("broker,collector,prep,transform,notifier")
        child = instance.actor("api", "api")
        wait_for("the api", lambda: answers(port))
        over_http(port)
        instance.redis().hset("tw:rule:broken", mapping={"on": "trade", "when": "volum > 1"})
        folder = instance.dir / "node"
        folder.mkdir()
        chromium = install(folder)
        wait_for("alerts", lambda: instance.redis().xlen("tw:alerts") > 20, 60)
        look(port, chromium, folder)
        says_that_it_is_stale(instance, child, port, chromium, folder)


if __name__ == "__main__":
    sys.exit(main())
