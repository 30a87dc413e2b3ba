"""DuckDB reads the stage's objects: finds columns and types by itself, and asks payloads as JSON.

It comes from the npm registry (@duckdb/node-api, with its binary); where that cannot be had the test
says so and is skipped.
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import kill_test
import stage_test
from harness import Instance, skip

PACKAGE = "@duckdb/node-api@1.5.6-r.1"
SCRIPT = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const db = await (await DuckDBInstance.create(':memory:')).connect();
  const answer = await db.runAndReadAll(process.argv[1]);
  console.log(JSON.stringify(answer.getRowsJson()));
})();
"""


def install():
    """A folder with DuckDB in it; kept for the next time."""
    place = pathlib.Path(tempfile.gettempdir()) / f"tidewire-duckdb-{os.getuid()}"
    if not shutil.which("npm"):
        skip("no npm: apt-get install nodejs npm")
    place.mkdir(mode=0o700, exist_ok=True)
    if place.stat().st_uid != os.getuid():
        skip(f"{place} belongs to somebody else")
    try:
        run = subprocess.run(["npm", "install", "--no-audit", "--no-fund", PACKAGE], cwd=place,
                             capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        skip(f"npm install {PACKAGE} takes longer than 5 minutes")
    if run.returncode != 0:
        skip(f"npm cannot install {PACKAGE}: {run.stderr.strip()[-300:]}")
    return place


def ask(place, query):
    run = subprocess.run(["node", "-e", SCRIPT, query], cwd=place, capture_output=True, text=True,
                         timeout=120)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def main():
    place = install()
    ports = kill_test.free_ports(2)
    with Instance(stage_test.configuration(ports)) as instance:
        lines = stage_test.readers(instance, stage_test.fill(instance, ports))
        everything = f"'{instance.dir}/stage/tw.objects/**/*.json.gz'"
        found = ask(place, "SELECT source, count(*)::INT, count(DISTINCT seq)::INT FROM "
                    f"read_json({everything}, union_by_name = true) GROUP BY source ORDER BY source")
        counts = collections.Counter(json.loads(line)["source"] for line in lines)
        assert found == [[s, n, n] for s, n in sorted(counts.items())], (found, counts)
        found = ask(place, "SELECT typeof(recv), typeof(seq), recv > TIMESTAMP '2020-01-01' FROM "
                    f"read_json({everything}, union_by_name = true) LIMIT 1")
        assert found == [["TIMESTAMP", "BIGINT", True]], found
        found = ask(place, "SELECT sum(json_array_length(payload))::INT, "
                    "sum((payload->>'$[0][1]')::DECIMAL(18, 4))::VARCHAR FROM "
                    f"read_json('{instance.dir}/stage/tw.objects/file/**/*.json.gz', "
                    "columns = {recv: 'TIMESTAMP', payload: 'JSON'})")
        assert found == [[500, "100.0000"]], found
    print(f"DuckDB read {sum(counts.values())} records", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
