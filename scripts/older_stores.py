"""Write the stores of an older commit, filled by a real server, as fixtures of the tests of upgrades.

Run it in a checkout of that commit, with PostgreSQL from its wheel, curl and jq, and with a Python whose path may be
seen, for recorded programs name it:

    cd CHECKOUT && PYTHONPATH=.:src:sdk/src python …/scripts/older_stores.py …/tests/integration/store/older

Every request of docs/guide/http-examples.md is typed, without those that delete; then what that page has not: recorded
runs of agents, a job that runs, one that waits, an open gate, a trace under two names, content too large for a row.
"""

from __future__ import annotations

import lzma
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw
import psycopg
from psycopg import sql

from scripts.pictured_runs import feed_runs
from tests.support.postgres import a_database
from tests.support.running_titan import RunningTitan
from titan.store.home_files import CALLS_FILE, CONTROL_FILE
from titan.store.queries import SQL_FOLDER
from titan.store.runs.sqlite_store import SqliteCallStore
from titan.system import SystemClock
from titan_sdk import TitanClient

PAGE: Final = Path("docs/guide/http-examples.md")
MAY_BE_EMPTY: Final = {"packs", "packs of postgres"}

#: What the page has not.
MORE: Final = r"""
printf 'import time\ntime.sleep(3600)\n' > sleep.py
SHA=$(sha256sum sleep.py | cut -d' ' -f1)
$SHOW -X POST $TITAN/api/dags -H "$JSON" -d '{"name": "night", "agent_run_id": "NIGHT_1", "jobs": [
  {"id": "long", "filename": "sleep.py", "script": "'$SHA'", "concurrency_key": "night"},
  {"id": "held", "filename": "sleep.py", "script": "'$SHA'", "concurrency_key": "night"},
  {"id": "after", "filename": "sleep.py", "script": "'$SHA'", "parents": ["long"]},
  {"id": "far", "filename": "sleep.py", "script": "'$SHA'", "requirement": "MOON", "priority": 3}],
  "scripts": {"'$SHA'": "'$(base64 -w0 sleep.py)'"}}' | jq -r .dag_id
until $SHOW "$TITAN/api/jobs/long" | jq -e '.status == "RUNNING"'; do sleep 0.2; done
gate open_gate
SPAN='{"traceId": "1af7651916cd43dd8448eb211c80319c", "spanId": "c7ad6b7169203331", "parentSpanId": "d7ad6b7169203331",
  "name": "chat", "startTimeUnixNano": "'$NOW'", "endTimeUnixNano": "'$((NOW + 1000000))'", "attributes": [
  {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}]}'
$SHOW -X POST $TITAN/v1/traces -H "$JSON" -d '{"resourceSpans": [{"scopeSpans": [{"spans": ['"$SPAN"']}]}]}'
SPAN='{"traceId": "1af7651916cd43dd8448eb211c80319c", "spanId": "d7ad6b7169203331", "name": "root",
  "startTimeUnixNano": "'$NOW'", "endTimeUnixNano": "'$((NOW + 2000000))'", "attributes": [
  {"key": "titan.agent_run_id", "value": {"stringValue": "TRACED_1"}}]}'
$SHOW -X POST $TITAN/v1/traces -H "$JSON" -d '{"resourceSpans": [{"scopeSpans": [{"spans": ['"$SPAN"']}]}]}'
$SHOW -X POST $TITAN/api/v1/runs/TEACHER_1/replays -H "$JSON" -d '{"level": "compare", "with_run": "WRITER_1"}' \
  | jq -r .id
jq -nc --argjson now $NOW '{run_id: "LARGE_1", agent_id: "LARGE", entries: [{type: "action", id: "a1", name: "read",
  kind: "tool", started_at_ns: $now, ended_at_ns: ($now + 1000), outputs: ("wind " * 20000)}]}' > large.json
$SHOW -X POST $TITAN/api/v1/actions -H "$JSON" -d @large.json | jq .stored
$SHOW "$TITAN/api/v1/runs/export?format=jsonl&agent_id=TEACHER" | sed 's/TEACHER/STRANGER/g' > all.jsonl
head -n -1 all.jsonl > stranger.jsonl
$SHOW -X POST "$TITAN/api/v1/import?partial=true" --data-binary @stranger.jsonl | jq .stored
"""


def main(folder: Path) -> int:
    """Write `home.tar.xz` and `postgres.sql.xz` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, a_database(is_empty=True) as url:
        home = Path(place) / "home"
        written_by_a_server(Path(place), home, store=None)
        close_for_good(home)
        keep(home, folder / "home.tar.xz")
        written_by_a_server(Path(place), Path(place) / "beside", store=url)
        (folder / "postgres.sql.xz").write_bytes(packed((Path(place) / "postgres.sql").read_bytes()))
    for file in folder.iterdir():
        print(f"{file.name}: {file.stat().st_size:,} bytes")
    return 0


def written_by_a_server(place: Path, home: Path, *, store: str | None) -> None:
    """Fill the stores of a home, or of a database; a job of it runs still."""
    answers = place / "answers.json"
    answers.write_text(code("json"))
    titan = RunningTitan(home, model=f"scripted:{answers}", store=store)
    try:
        type_in(titan, place / f"{home.name}-shell")
        with TitanClient(port=titan.sdk_port) as client:
            feed_runs(client)
        titan.terminate()
        copy = home.with_name(f"{home.name}-as-left")
        subprocess.run(["cp", "-a", str(home), str(copy)], check=True, timeout=60)
        if store is not None:
            Path(place, "postgres.sql").write_text(dumped(store))
        titan.start_again()
    finally:
        titan.stop()


def type_in(titan: RunningTitan, folder: Path) -> None:
    """Type the page and more into a shell."""
    folder.mkdir()
    lines = code("sh").replace("http://127.0.0.1:5000", f"http://127.0.0.1:{titan.sdk_port}").splitlines()
    script = "\n".join(line for line in lines if "-X DELETE" not in line)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    around = {**os.environ, "PATH": path, "HOME": str(folder)}
    typed = f"set -eu -o pipefail\n{script}\n{MORE}"
    subprocess.run(["bash", "-c", typed], cwd=folder, env=around, check=True, timeout=600)


def code(language: str) -> str:
    """Return the page's blocks in a language, one after the other."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.M | re.S))


def close_for_good(home: Path) -> None:
    """Pack the recordings of runs that ended, as the server does after five minutes, and check what there is."""
    left = home.with_name(f"{home.name}-as-left")
    calls = SqliteCallStore(left / CALLS_FILE, clock=SystemClock())
    calls.pack(before=datetime.now(UTC) + timedelta(days=1), limit=8)
    calls.close()
    for name in (CONTROL_FILE, CALLS_FILE):
        with closing(apsw.Connection(str(left / name))) as connection:
            connection.execute("vacuum")
            connection.execute("pragma journal_mode = delete").fetchall()
            names = [row[1] for row in connection.execute("pragma table_list") if row[0] == "main"]
            check_filled({table: connection.execute(f"select count(*) from {table}").get for table in names})


def keep(home: Path, file: Path) -> None:
    """Write a home's databases, blobs and logs into an archive."""
    left = home.with_name(f"{home.name}-as-left")
    with (
        lzma.open(file, "wb", preset=9 | lzma.PRESET_EXTREME) as packing,
        tarfile.open(fileobj=packing, mode="w") as tar,
    ):
        for name in (CONTROL_FILE, CALLS_FILE, "blobs", "logs"):
            tar.add(left / name, name)


def dumped(url: str) -> str:
    """Return the SQL that makes a database's tables with their rows."""
    folders = (SQL_FOLDER / "postgres", SQL_FOLDER / "calls" / "postgres")
    lines = ["set session_replication_role = replica;", *((each / "schema.sql").read_text("utf-8") for each in folders)]
    counts = {}
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('public', 'calls') order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            columns = [
                row[0]
                for row in connection.execute(
                    "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
                    " and is_generated = 'NEVER' order by ordinal_position",
                    [schema, table],
                )
            ]
            names = sql.SQL(", ").join(map(sql.Identifier, columns))
            rows = connection.execute(
                sql.SQL("select {} from {}").format(names, sql.Identifier(schema, table))
            ).fetchall()
            counts[table if rows or table != "packs" else "packs of postgres"] = len(rows)
            lines += [inserted(connection, schema, table, columns, row) for row in rows]
    lines.append("select setval('calls.texts_id_seq', (select max(id) from calls.texts));")
    check_filled(counts)
    return "\n".join(lines) + "\n"


def inserted(connection: psycopg.Connection[Any], schema: str, table: str, columns: list[str], row: Any) -> str:
    """Return the statement that inserts a row."""
    into = sql.SQL("insert into {} ({}) overriding system value values ({});").format(
        sql.Identifier(schema, table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(map(sql.Literal, row)),
    )
    return into.as_string(connection)


def check_filled(counts: dict[str, Any]) -> None:
    """Print how many rows each table has; end the program when one has none."""
    print(counts)
    empty = {table for table, count in counts.items() if not count and not table.startswith("words")} - MAY_BE_EMPTY
    assert not empty, f"nothing in {sorted(empty)}"


def packed(content: bytes) -> bytes:
    """Return content compressed as small as it gets."""
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
