"""A server out there redirects into our own network: nobody follows.

It takes a public address to show that, so this runs in a network namespace of its own, where only
loopback is and the public address stands on it. Skipped where there may be no such namespace.
"""

import http.server
import os
import shutil
import subprocess
import sys
import threading

import harness

PUBLIC = "93.184.216.34"
INSIDE = "TIDEWIRE_REDIRECT_TEST_INSIDE"


class Handler(http.server.BaseHTTPRequestHandler):
    asked = []

    def do_GET(self):
        self.asked.append((self.server.server_address[0], self.path))
        place = {"/lure": f"http://127.0.0.1:{self.server.other}/secret",
                 "/plain": f"http://{PUBLIC}:{self.server.server_address[1]}/end"}.get(self.path)
        self.send_response(302 if place else 200)
        if place:
            self.send_header("Location", place)
        self.end_headers()
        if not place:
            self.wfile.write(b'[{"t":1700000000000,"x":1}]')

    def log_message(self, *words):
        pass


def serve(address):
    server = http.server.ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def inside():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "addr", "add", f"{PUBLIC}/32", "dev", "lo"], check=True)
    public, private = serve(PUBLIC), serve("127.0.0.1")
    public.other = private.other = private.server_address[1]
    out, home = (f"http://{a}:{s.server_address[1]}"
                 for a, s in ((PUBLIC, public), ("127.0.0.1", private)))
    source = ("  - {{ name: {name}, url: \"{url}\", every: 100ms, rows: /*, table: m, "
              "key: {{ k: \"={name}\" }}, time: {{ at: /t, unit: ms }}, columns: {{ x: /x }} }}\n")
    config = ("redis: embedded\nlisten: { alerts: \"tcp://127.0.0.1:*\", http: \"127.0.0.1:*\" }\n"
              "sources:\n" + source.format(name="lured", url=out + "/lure")
              + source.format(name="plain", url=out + "/plain")
              + source.format(name="home", url=home + "/lure"))
    with harness.Instance(config) as instance:
        instance.up()
        redis = instance.redis()
        for name in ("plain", "home"):  # in public, and from one private address to another
            harness.wait_for(f"rows of {name}", lambda: redis.exists(f"tw:latest:m:{name}"))
        found = harness.wait_for("the refusal", lambda: [
            f for f in instance.status()["failing"] if f["source"] == "lured"])
        assert "private address" in found[0]["reason"], found
        secrets = [a for a in Handler.asked if a[1] == "/secret"]
        assert len(secrets) <= len([a for a in Handler.asked if a == ("127.0.0.1", "/lure")]), secrets
    print("ok: redirects from outside stay outside")


def main():
    if os.environ.get(INSIDE):
        inside()
        return 0
    for tool in ("ip", "unshare"):
        if not shutil.which(tool):
            harness.skip(f"{tool} is not installed")
    probe = subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True)
    if probe.returncode != 0:
        harness.skip("no network namespace for a public address")
    return subprocess.run(["unshare", "-n", sys.executable, __file__],
                          env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
