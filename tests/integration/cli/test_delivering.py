"""What programs recorded while no server answered is brought to one by hand: to its own, or to another one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.titan_sdk.test_offline_spool import entry_of, is_known
from tests.support.command_line import CommandLine, run_titan
from tests.support.forked import run_forked
from tests.support.running_titan import RunningTitan
from titan_sdk.recording.delivery import Spool

NO_RUN = '{"type":"action","id":"x","kind":"call","name":"c","started_at_ns":1700000000000000000}'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home on which no server runs."""
    return tmp_path / "home"


def at_home(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody whose home that is."""
    return run_forked(*words, env={**os.environ, "TITAN_HOME": str(home)}, cwd=home.parent)


def spool_of(home: Path, server: str, *entries: str) -> Spool:
    spool = Spool(str(home / "spool" / server))
    if entries:
        spool.add(entries)
    return spool


def test_a_folder_is_delivered_to_the_server_asked_for(titan: CommandLine, server: RunningTitan, home: Path) -> None:
    spool = spool_of(home, "gone_9090", entry_of("DELIVERED_1"), entry_of("DELIVERED_2"))

    done = titan("runs", "import", spool.folder)

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.text == f"Delivered 2 recorded entries from {spool.folder} to {titan.server}.\n"
    assert (spool.paths(), is_known(server, "DELIVERED_1"), is_known(server, "DELIVERED_2")) == ([], True, True)
    assert titan("runs", "import", spool.folder).text == f"Nothing waits in {spool.folder}.\n"


def test_without_a_folder_the_spool_of_this_server_is_delivered_and_others_are_named(
    titan: CommandLine, server: RunningTitan, home: Path
) -> None:
    own = spool_of(home, f"localhost_{server.sdk_port}", entry_of("OWN_1"))
    other = spool_of(home, "other_9090", entry_of("OTHER_1"))
    spool_of(home, "home", entry_of("HOME_1"))

    done = at_home(home, "runs", "import", "--json", "--server", titan.server)
    again = at_home(home, "runs", "import", "--server", titan.server)

    assert json.loads(done.stdout) == {
        "folders": [{"folder": own.folder, "delivered": 1, "lost": 0, "waiting_files": 0}]
    }
    assert "For another server, other_9090: 1 recorded entry. To deliver them to this one: " in done.stderr
    assert done.stderr.endswith(f"titan runs import {other.folder}\n")
    assert [is_known(server, run_id) for run_id in ("OWN_1", "OTHER_1", "HOME_1")] == [True, False, False]
    assert again.stdout == f"Nothing waits for {titan.server}.\n"


def test_entries_that_no_server_accepts_stay(home: Path) -> None:
    spool = spool_of(home, "gone_9090", entry_of("STAYS_1"))

    done = run_titan("runs", "import", spool.folder, "--server", "http://127.0.0.1:9")

    assert (done.exit_code, len(spool.paths())) == (4, 1)


def test_an_invalid_entry_is_reported_and_holds_up_no_others(
    titan: CommandLine, server: RunningTitan, home: Path
) -> None:
    bad = json.dumps(json.loads(NO_RUN) | {"run_id": "BAD_1", "kind": "none"})
    spool = spool_of(home, "gone_9090", bad, entry_of("GOOD_1"))

    done = titan("runs", "import", spool.folder)

    assert done.exit_code == 5
    assert "recorded entries are lost (1): the server at " in done.stderr
    assert (is_known(server, "GOOD_1"), is_known(server, "BAD_1"), spool.paths()) == (True, False, [])


def test_entries_left_by_a_job_are_delivered_if_their_run_is_known(
    titan: CommandLine, server: RunningTitan, tmp_path: Path
) -> None:
    named, nameless = (Spool(str(tmp_path / "worker" / "spools" / lease)) for lease in ("l1", "l2"))
    named.add([entry_of("JOBS_1")])
    nameless.add([NO_RUN])

    assert titan("runs", "import", named.folder).exit_code == 0
    refused = titan("runs", "import", nameless.folder)

    assert (is_known(server, "JOBS_1"), refused.exit_code, len(nameless.paths())) == (True, 5, 1)
    assert "found 1 file that it does not take: the server at " in refused.stderr
    assert "answered HTTP 404 lease 'l2': expected the lease of an attempt" in refused.stderr
