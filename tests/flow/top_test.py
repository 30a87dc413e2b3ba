"""`top` on a running pipeline: on a terminal it is drawn again and again, heeds keys and the window's
size, and leaves the terminal as it was; without one it prints one picture."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from harness import PROGRAM, Instance, wait_for

CONFIG = """
listen: { alerts: "tcp://127.0.0.1:*" }
sources:
  - name: market
    url: simulate://market?seed=3&series=8&rate=100
    rows: /*
    table: trade
    key: { pair: /symbol }
    time: { at: /ts, unit: ms }
    columns: { price: /price, volume: /volume }
rules:
  high: { on: trade, when: "price > 1" }
"""
LINES, WIDTH = 18, 80
ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


class Terminal:
    def __init__(self, *words):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(PROGRAM, [PROGRAM, *words])
        self.resize(LINES, WIDTH)
        self.before = termios.tcgetattr(self.fd)
        self.said = b""

    def resize(self, lines, width):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, width, 0, 0))

    def read(self):
        while select.select([self.fd], [], [], 0.05)[0]:
            try:
                more = os.read(self.fd, 65536)
            except OSError:  # how a terminal says that nobody holds its other end
                return
            if not more:
                return
            self.said += more

    def picture(self):
        """The lines of the newest whole picture, without escape sequences."""
        self.read()
        whole = self.said.split(b"\x1b[H")
        text = next((part for part in reversed(whole) if b"\x1b[J" in part), b"")
        text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", text.split(b"\x1b[J")[0])
        return text.decode().split("\r\n")

    def press(self, key):
        os.write(self.fd, key)

    def end(self):
        wait_for("the end", lambda: self.read() or os.waitid(
            os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
        self.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def volumes(lines):
    """The last column, of the rows of series."""
    return [float(line.split()[-1]) for line in lines if re.match(r"\w+-USD ", line)]


def check_terminal(instance):
    terminal = Terminal("top", "--dir", str(instance.dir))
    wait_for("eight series in the window", lambda: len(volumes(lines := terminal.picture())) == 8 and
             len(lines) <= LINES and max(map(len, lines)) <= WIDTH)
    lines = terminal.picture()
    assert re.search(r"5 actors .* 8 series  8 firing", lines[1]), lines
    assert any(re.match(r"high +trade:\w+-USD +firing", line) for line in lines), lines
    assert not any(re.match(r"trade .* [v^]( |$)", line) for line in lines), lines
    terminal.press(b"s")  # price
    terminal.press(b"s")  # volume
    wait_for("another order", lambda: any("volume v" in line for line in terminal.picture()))
    shown = volumes(terminal.picture())
    assert shown == sorted(shown, reverse=True), shown
    terminal.press(b"r")
    wait_for("the other way", lambda: any("volume ^" in line for line in terminal.picture()))
    shown = volumes(terminal.picture())
    assert shown == sorted(shown), shown
    terminal.resize(12, 88)
    wait_for("a small picture", lambda: LINES - 6 >= len(lines := terminal.picture()) > 2 and
             any(len(line) > WIDTH for line in lines))
    terminal.press(b" ")
    wait_for("a halt", lambda: "firing, halted" in terminal.picture()[1])
    terminal.press(b"r")  # drawn at once, also while it halts
    wait_for("the first way", lambda: any("volume v" in line for line in terminal.picture()))
    halted = terminal.picture()
    time.sleep(2.5)  # in which two pictures would have come
    assert terminal.picture() == halted, "it went on while it was halted"
    terminal.press(b"q")
    assert terminal.end() == 0
    assert terminal.said.startswith(ENTER) and terminal.said.endswith(LEAVE), terminal.said[-80:]
    print("ok: a terminal")


def check_signals(instance):
    """Whoever ends it by a signal gets the terminal back, too."""
    for number in (signal.SIGTERM, signal.SIGINT):
        terminal = Terminal("top", "--dir", str(instance.dir))
        wait_for("a picture", lambda: len(terminal.picture()) > 2)
        drawn = termios.tcgetattr(terminal.fd)
        assert not drawn[3] & termios.ECHO, "keys are echoed into the picture"
        os.kill(terminal.pid, number)
        assert terminal.end() == 0
        assert terminal.said.endswith(LEAVE)
        assert termios.tcgetattr(terminal.fd)[3] & termios.ECHO, "the terminal is as it was"
    print("ok: signals")


def check_print(instance):
    one = instance.word("top", "--sort", "price", "--series", "trade:[!A]*")
    assert one.returncode == 0 and "\x1b" not in one.stdout, one
    assert not volumes(one.stdout.splitlines()), "there are no classes in patterns"
    one = instance.word("top", "--sort", "price", "--series", "trade:*-USD")
    assert len(volumes(one.stdout.splitlines())) == 8, one.stdout
    assert one.stdout.count("well: ") == 1
    three = instance.word("top", "-n", "3")
    assert three.stdout.count("8 series") == 3, three.stdout
    print("ok: no terminal")


def main():
    with Instance(CONFIG) as instance:
        instance.up()
        wait_for("all series", lambda: "8 series  8 firing" in instance.word("top").stdout)
        check_print(instance)
        check_terminal(instance)
        check_signals(instance)
        instance.word("down")
        away = instance.word("top")
        assert away.returncode == 0 and "ILL: Redis" in away.stdout or away.returncode == 1, away
        print("ok: nobody there:", (away.stdout + away.stderr).strip())


if __name__ == "__main__":
    main()
