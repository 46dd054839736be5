"""Servers that are started at the same moment on an empty database all come up."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import a_database
from tests.support.raw_http import given
from tests.support.running_titan import RunningTitan


@pytest.mark.parametrize("turn", range(3))
def test_servers_that_are_started_together_on_an_empty_database_all_come_up(tmp_path: Path, turn: int) -> None:
    def start(number: int) -> RunningTitan:
        home = tmp_path / f"home{number}"
        return RunningTitan(home, offers=(), store=url, shared=tmp_path / "shared")

    with a_database(is_empty=True) as url, ThreadPoolExecutor(3) as starting:
        servers = [starting.submit(start, number) for number in range(3)]
        try:
            healthy = [given(server.result().sdk_port, "/api/health")["status"] for server in servers]
            with psycopg.connect(url) as connection:
                tables = connection.execute("select name from meta order by name").fetchall()
        finally:
            for server in servers:
                if server.exception() is None:
                    server.result().stop()

    assert healthy == ["ok"] * 3
    assert ("shared_folder",) in tables
