"""The store in PostgreSQL: the same jobs beside the store in a file, in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.job_rows import Sizes, in_turns, seconds_of, trivial_jobs
from benchmarks.rivals.services import postgres
from benchmarks.rows import Better, Row, ratio_at_least
from benchmarks.titan_server import running_titan


def measure_postgres(folder: Path, sizes: Sizes) -> Iterator[Row]:
    """Yield the rows about PostgreSQL, which is a real one on this disk with fsync on."""
    count = sizes.jobs_in_dag
    with (
        postgres(folder) as url,
        running_titan(folder / "on-postgres", store=f"{url}/titan") as on_postgres,
        running_titan(folder / "in-a-file") as in_a_file,
    ):
        clients = on_postgres.client(), in_a_file.client()
        for client in clients:
            seconds_of(client, trivial_jobs(20))
        theirs, ours = in_turns(
            sizes.rounds,
            lambda: count / seconds_of(clients[0], trivial_jobs(count)),
            lambda: count / seconds_of(clients[1], trivial_jobs(count)),
        )
        yield Row(
            what=f"{count} trivial jobs in one DAG, the store in PostgreSQL",
            unit="jobs/s",
            better=Better.HIGHER,
            titan=theirs,
            rival_name="the store in a file",
            rival=ours,
            target=ratio_at_least(0.7, "≥ 70 % of SQLite"),
        )
