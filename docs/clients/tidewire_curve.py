"""Connect to a socket of Tidewire, with keys or without.

    import tidewire_curve as tc
    pair = tc.pair_of("alice.key_secret")    # or None, where there are no keys
    link = tc.Link(socket, "tcp://10.0.0.5:5560#6f3a...", pair)
    ...
    why = link.look()                        # every second or so

Where Tidewire has keys, an endpoint is tcp://HOST:PORT#KEY: behind the # stand 64 hexadecimal
digits, the public key of who listens there, as `status --json` shows it. libzmq talks to nobody
else. Our own pair is in the file NAME.key_secret that `keys add NAME --role ROLE` made. Needs
python3-zmq.
"""
import os
import string
import time

import zmq
import zmq.auth

AGAIN_S = 1.0  # after a refusal
WHY = {
    zmq.EVENT_HANDSHAKE_FAILED_AUTH:
        "it refuses our key: is it known there (`keys list`), and of a role that may come in?",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL:
        "it has keys and we have none, or the other way round, or it is no socket of Tidewire",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        "no handshake: is what stands behind # the key of who listens there now?",
}


def pair_of(file):
    """(public, secret) of a key file; None without one."""
    if not file:
        return None
    try:
        public, secret = zmq.auth.load_certificate(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is no key file: {error}") from None
    if not secret:
        raise ValueError(f"{file} has no secret key: NAME.key_secret is the file to give")
    return public, secret


def pair_given():
    """That of the file which the environment names."""
    return pair_of(os.environ.get("TIDEWIRE_KEY"))


class Link:
    """A socket's connection. Set the socket's options before. libzmq connects again by itself after
    a broken connection, but not after a refusal: look() does."""

    def __init__(self, socket, endpoint, pair):
        self.address, has_key, key = endpoint.partition("#")
        self.socket, self._again = socket, None
        if has_key and not pair:
            raise ValueError(f"{self.address} wants a key: give your file NAME.key_secret in "
                             "TIDEWIRE_KEY")
        if pair and not has_key:
            raise ValueError(f"{endpoint} has no key behind it, and we have one: give the whole "
                             "endpoint, tcp://HOST:PORT#KEY, as `status --json` shows it")
        if has_key and (len(key) != 64 or set(key) - set(string.hexdigits)):
            raise ValueError(f"{endpoint}: behind # stand 64 hexadecimal digits")
        socket.linger = 0
        if pair:
            socket.curve_publickey, socket.curve_secretkey = pair
            socket.curve_serverkey = bytes.fromhex(key)
        # Without keys a handshake without detail is a peer that died in it, no more.
        self._monitor = socket.get_monitor_socket(
            sum(WHY) if pair else zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
        try:
            socket.connect(self.address)
        except zmq.ZMQError as error:
            raise ValueError(f"cannot connect to {endpoint}: {error}") from None

    @property
    def refused(self):
        """And not yet tried again."""
        return self._again is not None

    def look(self):
        """Why it is not let in, once for each time that it tried; else None."""
        why = None
        while self._monitor.poll(0):
            event = int.from_bytes(self._monitor.recv_multipart()[0][:2], "little")
            why = WHY[event]
            if event != zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL:
                self._again = time.monotonic() + AGAIN_S
        if self.refused and time.monotonic() >= self._again:
            self._again = None
            self.socket.disconnect(self.address)
            self.socket.connect(self.address)
        return why

    def close(self):
        self.socket.disable_monitor()
        self.socket.close(0)
