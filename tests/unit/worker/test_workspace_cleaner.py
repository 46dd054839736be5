"""Old workspaces are deleted when the server says so, and never one that is used or was used meanwhile."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.assignments import an_assignment
from tests.support.worker_server import WorkerServer
from titan.wire.protocol import Registration
from titan.worker.files.folders import AttemptFolders, WorkspaceCleaner
from titan.worker.server_client import ServerAddress, ServerClient


@pytest.fixture
def server() -> Iterator[WorkerServer]:
    server = WorkerServer()
    yield server
    server.close()


def a_cleaner(server: WorkerServer, folders: AttemptFolders) -> WorkspaceCleaner:
    registration = Registration(name="w", host="here", pid=1, offers={}, version="0")
    return WorkspaceCleaner(
        ServerClient("w1", registration, lambda: ServerAddress.of(server.url)),
        folders,
        closing=threading.Event(),
        every_seconds=0,
    )


def a_workspace(folders: AttemptFolders, name: str, *, idle_days: float = 10.0) -> Path:
    """Use a workspace, leave a file in it, and let days pass; return its folder."""
    files = folders.prepare(an_assignment(name, workspace=name))
    (files.directory / "result.txt").write_text("42")
    folders.discard(name)
    folder = files.directory.parent.parent
    moment = time.time() - idle_days * 86400
    os.utime(folder, (moment, moment))
    return folder


def test_only_workspaces_that_the_server_calls_old_are_deleted(server: WorkerServer, tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    old, kept = a_workspace(folders, "run-old"), a_workspace(folders, "run-kept")
    server.old_workspaces = {"run-old", "../attempts", "never-asked"}

    a_cleaner(server, folders).step()

    assert not old.exists()
    assert (kept / "titan_workspace" / "shared" / "result.txt").exists()
    assert (tmp_path / "attempts").is_dir()
    assert {name: round(seconds / 86400) for name, seconds in server.workspaces_asked.items()} == {
        "run-old": 10,
        "run-kept": 10,
    }


def test_a_workspace_in_use_or_used_within_the_hour_is_not_even_asked_about(
    server: WorkerServer, tmp_path: Path
) -> None:
    folders = AttemptFolders(tmp_path)
    a_workspace(folders, "run-busy")
    folders.prepare(an_assignment("again", workspace="run-busy"))
    a_workspace(folders, "run-young", idle_days=0.01)
    server.old_workspaces = {"run-busy", "run-young"}

    a_cleaner(server, folders).step()

    assert server.workspaces_asked == {}
    assert sorted(os.listdir(tmp_path / "workspaces")) == ["run-busy", "run-young"]


def test_a_workspace_that_was_used_since_it_was_asked_about_stays(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    a_workspace(folders, "run-old")
    (last_use,) = folders.idle_workspaces().values()
    folders.prepare(an_assignment("again", workspace="run-old"))

    while_busy = folders.delete_workspace("run-old", last_use=last_use)
    folders.discard("again")
    afterwards = folders.delete_workspace("run-old", last_use=last_use)

    assert (while_busy, afterwards) == (False, False)
    assert folders.delete_workspace("run-old", last_use=folders.idle_workspaces()["run-old"])
    assert not folders.delete_workspace("run-gone", last_use=last_use)
