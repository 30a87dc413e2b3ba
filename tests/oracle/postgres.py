"""A private PostgreSQL 15, the oracle of the tests: in a temporary folder, gone afterwards.

    with Postgres() as db:
        db.run("CREATE TABLE candle (pair text, ts timestamp, n bigint, volume numeric)")
        db.load("candle", ["pair", "ts", "n", "volume"], rows)
        for ts, pair in db.rows("SELECT ts, pair FROM candle"): ...

It listens on a unix socket only, keeps nothing durable, and speaks through psql, so that no
Python driver is needed. Values come back as text, NULL as None.
"""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

BIN = "/usr/lib/postgresql/15/bin"
MISSING = 77  # exit code by which ctest knows a skipped test
SCRIPT_FAILED = 3  # exit code of psql when a statement failed

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

    def stop(self):
        if self.started and (self.folder / "data").exists():
            self._tool(f"{BIN}/pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-s",
                       "stop")
        self.started = False
        shutil.rmtree(self.folder, ignore_errors=True)

    def _psql(self, text, *options, timeout=600):
        return subprocess.run(
            [f"{BIN}/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.folder), "-U",
             self.user, "-d", "postgres", *options],
            input=text, text=True, capture_output=True, timeout=timeout)

    def run(self, sql):
        """Run statements, give back what psql prints; PostgresError if one fails."""
        done = self._psql(sql, "-At", "-F", "\t", "-P", "null=\\N", "-f", "-")
        if done.returncode == SCRIPT_FAILED:
            raise PostgresError(done.stderr)
        if done.returncode:  # no server, or no psql: no answer to what was asked
            raise RuntimeError(f"psql: {done.stderr}")
        return done.stdout

    def rows(self, sql):
        """One query, run verbatim: a list of tuples of text (None for NULL)."""
        return [tuple(None if cell == "\\N" else cell for cell in line.split("\t"))
                for line in self.run(sql).splitlines()]

    def error(self, sql):
        """What PostgreSQL has against this: its PostgresError, or None."""
        try:
            self.run(sql)
        except PostgresError as error:
            return error
        return None

    def load(self, table, columns, rows):
        """COPY rows (tuples of text or None; no tabs, line ends or backslashes) into a table."""
        lines = ["\t".join("\\N" if cell is None else str(cell) for cell in row) for row in rows]
        text = f"COPY {table} ({', '.join(columns)}) FROM STDIN;\n" + "\n".join(lines) + "\n\\.\n"
        self.run(text + f"ANALYZE {table};\n")
