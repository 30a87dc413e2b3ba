"""A private PostgreSQL 15, the oracle of the tests: in a temporary folder, gone afterwards.

    with Postgres() as db:
        db.run("CREATE TABLE candle (pair text, ts timestamp, n bigint, volume numeric)")
        db.load("candle", ["pair", "ts", "n", "volume"], rows)
        for ts, pair in db.rows("SELECT ts, pair FROM candle"): ...
        db.errors(["SELECT 1", "SELECT x"])  # [None, PostgresError]

It listens on a unix socket only, keeps nothing durable, and speaks through psql, so that no Python
driver is needed; over a connection that lasts a question costs no
process. Values come back as text, NULL as None.
"""
import os
import pathlib
import pwd
import select
import shutil
import subprocess
import tempfile
import time

BIN = "/usr/lib/postgresql/15/bin"
MISSING = 77  # exit code by which ctest knows a skipped test
SCRIPT_FAILED = 3  # exit code of psql when a statement failed
ANSWER_S = 600  # for one answer at most
TOLD = "--- that was all ---"  # what psql says behind an answer

# What PostgreSQL has against a text, which may be no statement at all: psql would wait for the end
# of it. NULL: nothing.
COMPLAINT = """
CREATE FUNCTION complaint(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN replace(split_part(SQLERRM, E'\\n', 1), E'\\t', ' ');
END $$;
"""

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "work_mem": "'1GB'",
    "shared_buffers": "'128MB'",
    "max_connections": "8",
    "timezone": "'UTC'",
    "jit": "off",
}


class PostgresError(Exception):
    """What PostgreSQL said; .message is its first line, without "ERROR:"."""

    def __init__(self, text):
        super().__init__(text)
        lines = text.splitlines() or [""]
        first = next((line for line in lines if "ERROR:" in line), lines[0])
        self.message = first.split("ERROR:", 1)[-1].strip()


def available():
    return os.path.exists(f"{BIN}/initdb")


class Postgres:
    def __init__(self):
        if not available():
            raise FileNotFoundError(f"{BIN}/initdb: install postgresql-15")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-oracle-"))
        self.user = pwd.getpwuid(os.geteuid()).pw_name
        self.prefix = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.user = "postgres"
            self.prefix = ["runuser", "-u", "postgres", "--"]
        self.started = False
        self.psql = self.complaints = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def _tool(self, *arguments):
        done = subprocess.run([*self.prefix, *arguments], cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed:\n{done.stdout}")

    def start(self):
        data = str(self.folder / "data")
        self._tool(f"{BIN}/initdb", "-D", data, "-U", self.user, "-A", "trust", "-E", "UTF8",
                   "--no-locale", "--no-sync")
        with open(f"{data}/postgresql.conf", "a", encoding="ascii") as out:
            for name, value in SETTINGS.items():
                out.write(f"{name} = {value}\n")
            out.write(f"unix_socket_directories = '{self.folder}'\n")
        self._tool(f"{BIN}/pg_ctl", "-D", data, "-w", "-s", "-l", str(self.folder / "log"), "start")
        self.started = True
        self.complaints = open(self.folder / "complaints", "w+b")  # what psql says of errors
        self.psql = subprocess.Popen(self._psql(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=self.complaints)
        os.set_blocking(self.psql.stdin.fileno(), False)
        os.set_blocking(self.psql.stdout.fileno(), False)
        self.run(COMPLAINT)

    def stop(self):
        if self.psql:
            self.psql.kill()
            self.psql.communicate()
            self.complaints.close()
            self.psql = None
        if self.started and (self.folder / "data").exists():
            self._tool(f"{BIN}/pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-s",
                       "stop")
        self.started = False
        shutil.rmtree(self.folder, ignore_errors=True)

    def _psql(self):
        return [f"{BIN}/psql", "-X", "-q", "-At", "-F", "\t", "-P", "null=\\N", "-h",
                str(self.folder), "-U", self.user, "-d", "postgres"]

    def _say(self, text):
        """Write to psql and read until it has said all: it answers while we still ask."""
        asking = memoryview(f"{text}\n\\echo '{TOLD}'\n".encode())
        answer, end, until = bytearray(), f"{TOLD}\n".encode(), time.monotonic() + ANSWER_S
        while not answer.endswith(end):
            writing = [self.psql.stdin] if asking else []
            ready = select.select([self.psql.stdout], writing, [], until - time.monotonic())
            if not any(ready):
                raise RuntimeError(f"psql: no answer in {ANSWER_S} s to {text[:1000]}")
            if ready[1]:
                asking = asking[os.write(self.psql.stdin.fileno(), asking[:65536]):]
            if ready[0]:
                more = os.read(self.psql.stdout.fileno(), 1 << 20)
                if not more:
                    raise RuntimeError(f"psql ended: {self._complaint()}")
                answer += more
        return answer[:-len(end)].decode()

    def _complaint(self):
        self.complaints.seek(0)
        text = self.complaints.read().decode()
        self.complaints.seek(0)
        self.complaints.truncate()
        return text

    def run(self, sql):
        """Run statements over a connection of their own, give back what psql prints; PostgresError
        if one fails. May be called by several threads."""
        done = subprocess.run([*self._psql(), "-v", "ON_ERROR_STOP=1", "-f", "-"], input=sql,
                              text=True, capture_output=True, timeout=ANSWER_S)
        if done.returncode == SCRIPT_FAILED:
            raise PostgresError(done.stderr)
        if done.returncode:  # no server, or no psql: no answer to what was asked
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout

    def ask(self, sql):
        """The same over the one connection that lasts, for one thread."""
        answer = self._say(sql if sql.rstrip().endswith(";") else f"{sql}\n;")
        complaint = self._complaint()
        if "ERROR:" in complaint:
            raise PostgresError(complaint)
        return answer

    def rows(self, sql):
        """One query over the connection that lasts, run verbatim: a list of tuples of text (None for NULL)."""
        return [tuple(None if cell == "\\N" else cell for cell in line.split("\t"))
                for line in self.ask(sql).splitlines()]

    def errors(self, statements):
        """What PostgreSQL has against each of these texts: its PostgresError, or None."""
        if not statements:
            return []
        tag = "$a_statement$"
        texts = ",\n".join(f"({n}, {tag}{text}{tag})" for n, text in enumerate(statements))
        said = self.rows("SELECT complaint(text) FROM (VALUES " + texts +
                         ") AS asked (n, text) ORDER BY n;")
        assert len(said) == len(statements)
        return [None if words is None else PostgresError(words) for (words,) in said]

    def error(self, sql):
        """The same of one."""
        return self.errors([sql])[0]

    def load(self, table, columns, rows):
        """COPY rows (tuples of text or None; no tabs, line ends or backslashes) into a table."""
        lines = ["\t".join("\\N" if cell is None else str(cell) for cell in row) for row in rows]
        text = f"COPY {table} ({', '.join(columns)}) FROM STDIN;\n" + "\n".join(lines) + "\n\\.\n"
        self.run(text + f"ANALYZE {table};\n")
