"""An HTTP server on loopback that answers as real ones do: badly, and worse.

Every address of 127.0.0.0/8 that a test names is a host of its own; what is asked for decides what
comes. It keeps count of who asked for what.
"""

import collections
import gzip
import json
import socket
import ssl
import subprocess
import threading
import time
import zlib
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

import brotli
import h2.config
import h2.connection
import h2.events
import zstandard

BOMB_MB = 80  # more than the 64 that are taken


def rows(*values):
    now = int(time.time() * 1000)
    return json.dumps([{"t": now + i, "x": x} for i, x in enumerate(values)]).encode()


def head(status, body=b"", *lines, length=True):
    lines = [f"HTTP/1.1 {status}", *lines]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def bomb():
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(BOMB_MB))
    return packed + packer.flush()


class Request:
    def __init__(self, host, method, target, headers, body):
        self.host, self.method, self.headers, self.body = host, method, headers, body
        self.target = target
        parts = urlsplit(target)
        self.path = parts.path
        self.query = {name: values[0] for name, values in
                      parse_qs(parts.query, keep_blank_values=True).items()}
        self.at = time.monotonic()
        self.answered = None  # when all of the answer was sent


class Hostile:
    TORN = b"t,x\n1700000000000,123\n1700000001000,45"
    TORN_LINES = b'{"t":1,"x":1}\n{"t":2,"x'
    HTML = b"<html><body>We are down for maintenance</body></html>"
    VERSION_POLLS = 3  # of /tagged, before there is a new version

    def __init__(self):
        self.requests = []
        self.lock = threading.Lock()
        self.sockets = []
        self.connections = collections.Counter()
        self.bomb = bomb()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    # ---- life

    def host(self, number, serve=None):
        """Listen on 127.0.0.<number>; what belongs into a URL and into `budgets`."""
        listener = socket.create_server((f"127.0.0.{number}", self.port), backlog=256)
        self.sockets.append(listener)
        name = f"127.0.0.{number}:{self.port}"
        threading.Thread(target=self._accept, args=(listener, name, serve or self._serve),
                         daemon=True).start()
        return name

    def deaf(self, number):
        """A host that never takes a connection: its queue is full, and stays so."""
        listener = socket.socket()
        listener.bind((f"127.0.0.{number}", self.port))
        listener.listen(0)
        self.sockets.append(listener)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
            self.sockets.append(waiting)
        return f"127.0.0.{number}:{self.port}"

    def close(self):
        for listener in self.sockets:
            listener.close()

    def _accept(self, listener, name, serve):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections[name] += 1
            threading.Thread(target=self._guard, args=(serve, connection, name),
                             daemon=True).start()

    @staticmethod
    def _guard(serve, connection, name):
        try:
            with connection:
                serve(connection, name)
        except (OSError, ssl.SSLError, ValueError):
            pass  # the other side left

    # ---- what was asked

    def asked(self, path, host=None):
        with self.lock:
            return [r for r in self.requests if (path is None or r.path == path)
                    and (host is None or r.host == host)]

    def _note(self, request):
        with self.lock:
            self.requests.append(request)
            return sum(r.path == request.path for r in self.requests)

    # ---- HTTP/1.1

    def _serve(self, connection, name):
        file = connection.makefile("rb")
        while line := file.readline():
            method, target, _ = line.decode().split()
            headers = {}
            while (line := file.readline()) not in (b"\r\n", b""):
                key, value = line.decode().split(":", 1)
                headers[key.lower()] = value.strip()
            body = file.read(int(headers.get("content-length", 0)))
            request = Request(name, method, target, headers, body)
            keep = self._answer(connection, request, self._note(request))
            request.answered = time.monotonic()
            if not keep:
                return

    def _answer(self, connection, request, count):
        """False: the connection ends with this."""
        made = getattr(self, "do_" + request.path.strip("/").replace("-", "_"), None)
        answer = made(request, count) if made else head("404 Not Found", b"no such thing")
        if answer is None:
            time.sleep(30)
            return False
        keep = True
        if isinstance(answer, tuple):
            answer, keep = answer
            if keep is None:
                connection.sendall(answer)
                time.sleep(30)
                return False
        connection.sendall(answer)
        return keep

    def do_good(self, request, count):
        return head("200 OK", rows(count))

    do_other = do_crowd = do_good

    def do_html(self, request, count):
        return head("200 OK", self.HTML, "Content-Type: text/html")

    def do_error(self, request, count):
        return head("200 OK", b'{"error":"Exchange not found"}')

    def do_empty(self, request, count):
        return head("200 OK")

    def do_nothing(self, request, count):
        return head("204 No Content", length=False)

    def do_torn(self, request, count):
        return head("200 OK", b"", "Content-Length: 5000", length=False) + self.TORN, False

    def do_torn_chunk(self, request, count):
        return (head("200 OK", b"", "Transfer-Encoding: chunked", length=False)
                + b"%x\r\n%s\r\n" % (len(self.TORN_LINES), self.TORN_LINES)), False

    def do_gzip(self, request, count):
        assert "gzip" in request.headers["accept-encoding"]
        return head("200 OK", gzip.compress(rows(1, 2)), "Content-Encoding: gzip")

    def do_br(self, request, count):
        return head("200 OK", brotli.compress(rows(1, 2, 3)), "Content-Encoding: br")

    def do_zstd(self, request, count):
        packed = zstandard.ZstdCompressor().compress(rows(1, 2, 3, 4))
        return head("200 OK", packed, "Content-Encoding: zstd")

    # Each cut inside a number, where its length was counted and nothing else shows it.
    def do_cut_gzip(self, request, count):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = packer.compress(self.TORN) + packer.flush(zlib.Z_SYNC_FLUSH)
        return head("200 OK", packed, "Content-Encoding: gzip")

    def do_cut_br(self, request, count):
        packer = brotli.Compressor()
        return head("200 OK", packer.process(self.TORN) + packer.flush(), "Content-Encoding: br")

    def do_cut_zstd(self, request, count):
        packer = zstandard.ZstdCompressor().compressobj()
        packed = packer.compress(self.TORN) + packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        return (head("200 OK", b"", "Content-Encoding: zstd", "Transfer-Encoding: chunked",
                     length=False) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed))

    def do_members(self, request, count):
        whole = rows(6)
        packed = gzip.compress(whole[:9]) + gzip.compress(whole[9:]) + bytes(40)
        return head("200 OK", packed, "Content-Encoding: gzip")

    def do_deflate(self, request, count):
        return head("200 OK", zlib.compress(rows(5)), "Content-Encoding: deflate")

    def do_charset(self, request, count):
        return head("200 OK", rows(4), "Content-Encoding: UTF-8", "Content-Encoding:")

    def do_bomb(self, request, count):
        return head("200 OK", self.bomb, "Content-Encoding: gzip"), False

    def do_bad_gzip(self, request, count):
        return head("200 OK", b"this is no gzip", "Content-Encoding: gzip"), False

    def do_huge(self, request, count):
        return head("200 OK", b"", "Content-Length: 100000000", length=False) + b"x", False

    def do_busy(self, request, count):
        return head("429 Too Many Requests", b'{"error":"Out of allowance"}', "Retry-After: 3000")

    def do_later(self, request, count):
        now = time.time()
        return head("503 Service Unavailable", b"", f"Date: {formatdate(now, usegmt=True)}",
                    f"Retry-After: {formatdate(now + 2000, usegmt=True)}")

    def do_tagged(self, request, count):
        tag = f'"v{(count - 1) // self.VERSION_POLLS}"'
        if request.headers.get("if-none-match") == tag:
            return head("304 Not Modified", b"", f"ETag: {tag}", length=False)
        return head("200 OK", rows(7), f"ETag: {tag}")

    def do_tagged_badly(self, request, count):
        return head("200 OK", rows(count), 'ETag: "a\x01b"')

    def do_parrot(self, request, count):
        said = [request.target.encode(), json.dumps(dict(request.headers)).encode(), request.body]
        return head("404 Not Found", b" ".join(said))

    def do_dated(self, request, count):
        date = "Sun, 06 Nov 1994 08:49:37 GMT"
        if request.headers.get("if-modified-since") == date:
            return head("304 Not Modified", length=False)
        return head("200 OK", rows(8), f"Last-Modified: {date}")

    def do_fetched(self, request, count):
        return head("200 OK", b'[{"x":5}]', 'ETag: "same"')

    def do_moved(self, request, count):
        return head("302 Found", b"", "Location: /other")

    def do_loop(self, request, count):
        return head("301 Moved", b"", "Location: /loop")

    def do_cross(self, request, count):
        return head("302 Found", b"", f"Location: https://{request.host}/stolen")

    def do_lure(self, request, count):
        return head("302 Found", b"", f"Location: http://{request.host}/stolen")

    def do_cursor(self, request, count):
        follow = {None: "a&b=1", "a&b=1": "c d", "c d": ""}[request.query.get("cursor")]
        body = {"result": json.loads(rows(count)),
                "cursor": {"last": follow, "hasMore": follow != ""}}
        return head("200 OK", json.dumps(body).encode())

    def do_numbered(self, request, count):
        return head("200 OK", b"[]" if request.query["page"] == "3" else rows(count))

    def do_post(self, request, count):
        good = (request.method == "POST" and request.body == b'{"q":"all"}'
                and request.headers.get("content-type") == "application/json"
                and request.headers.get("x-key") == "s3cret-header"
                and request.query.get("appid") == "s3cret&query")
        return head("200 OK", rows(count)) if good else head("400 Bad Request", b"not so")

    def do_echo(self, request, count):
        return head("401 Unauthorized", b"bad key: " + request.headers["x-key"].encode())

    def do_silent(self, request, count):
        return None

    def do_stalled(self, request, count):
        return head("200 OK", b"", "Content-Length: 5000", length=False) + b"[", None

    def do_missing(self, request, count):
        return head("404 Not Found", b"unknown pair")

    def do_broken(self, request, count):
        return head("500 Internal Server Error", b"oops")

    def do_flapping(self, request, count):
        return head("500 Internal Server Error") if count < 3 else head("200 OK", rows(count))

    def do_garbage(self, request, count):
        return b"\x00\xff\xfe nothing like HTTP\r\n\r\n", False

    def do_allowance(self, request, count):
        body = {"result": json.loads(rows(count)), "allowance": {"cost": 0.005, "remaining": 0.001}}
        return head("200 OK", json.dumps(body).encode())

    def do_limited(self, request, count):
        return head("200 OK", rows(count), "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0",
                    f"X-RateLimit-Reset: {int(time.time()) + 1800}")

    def do_unlimited(self, request, count):  # as a central bank sends it
        return head("200 OK", rows(count), "X-Ratelimit-Limit: -1", "X-Ratelimit-Remaining: 0",
                    "X-Ratelimit-Reset: 0")

    # ---- TLS and HTTP/2

    def secure(self, number, folder):
        """A host with a certificate of its own making, over HTTP/2. Returns it and the file."""
        certificate, key = folder / f"{number}.pem", folder / f"{number}.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=tidewire test", "-addext", f"subjectAltName=IP:127.0.0.{number}",
                        "-keyout", str(key), "-out", str(certificate)],
                       check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2"])

        def serve(connection, name):
            with context.wrap_socket(connection, server_side=True) as secured:
                self._serve_h2(secured, name)
        return self.host(number, serve), certificate

    def _serve_h2(self, connection, name):
        h2_side = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        h2_side.initiate_connection()
        connection.sendall(h2_side.data_to_send())
        while data := connection.recv(65536):
            for event in h2_side.receive_data(data):
                if not isinstance(event, h2.events.RequestReceived):
                    continue
                headers = dict(event.headers)
                request = Request(name, headers[":method"], headers[":path"], headers, b"")
                body = rows(self._note(request))
                h2_side.send_headers(event.stream_id, [(":status", "200"),
                                                       ("content-length", str(len(body)))])
                h2_side.send_data(event.stream_id, body, end_stream=True)
            connection.sendall(h2_side.data_to_send())
