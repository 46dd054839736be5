"""Which attempt a changed file is named for."""

import time
from pathlib import Path

from titan.model.files import FilePlace
from titan.worker.files import workspaces
from titan.worker.files.workspaces import Workspace, Workspaces, node_of


def a_workspace(top: Path, *, is_new: bool = True) -> Workspace:
    (top / "shared").mkdir(exist_ok=True)
    return Workspace(top, "shared", FilePlace.WORKSPACE, is_new=is_new)


def write(workspace: Workspace, name: str, text: str = "x") -> None:
    (workspace.top / workspace.path / name).write_text(text)


def found(workspace: Workspace, lease_id: str) -> set[str]:
    return set(workspace.take(lease_id))


def test_a_file_is_named_for_every_attempt_that_ran_when_it_changed(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("long")
    workspace.begin("short")
    write(workspace, "both")
    workspace.end("short")
    workspace.look("short", quick=True)

    assert (found(workspace, "short"), found(workspace, "long")) == ({"both"}, {"both"})
    assert found(workspace, "short") == set()


def test_an_attempt_that_began_later_is_not_named(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("first")
    write(workspace, "early")
    wait_for_a_tick()
    workspace.begin("later")
    workspace.end("first")
    workspace.look("first", quick=True)

    assert (found(workspace, "first"), found(workspace, "later")) == ({"early"}, set())


def test_what_nobody_was_running_for_goes_to_the_one_that_looks(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    write(workspace, "by a person")
    wait_for_a_tick()
    workspace.begin("next")
    workspace.end("next")
    workspace.look("next", quick=True)

    assert found(workspace, "next") == {"by a person"}


def test_of_a_workspace_that_is_not_known_only_newer_files_are_named(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path, is_new=False)
    write(workspace, "old")
    wait_for_a_tick()
    workspace.begin("one")
    write(workspace, "new")
    workspace.end("one")
    workspace.look("one", quick=True)

    assert found(workspace, "one") == {"new"}


def test_what_a_lost_attempt_left_is_named_for_nobody_else(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("lost")
    write(workspace, "half")
    workspace.bury("lost")
    wait_for_a_tick()
    workspace.begin("next")
    workspace.end("next")
    is_untouched = workspace.is_untouched("next")
    workspace.look("next", quick=True)

    assert (is_untouched, found(workspace, "next")) == (False, set())
    workspace.close("next")
    assert not workspace.is_in_use


def test_an_attempt_that_left_nothing_is_told_so_at_a_glance(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("silent")
    workspace.end("silent")

    assert workspace.is_untouched("silent")


def test_a_full_look_is_owed_only_to_who_ended_after_the_last_one(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("one")
    workspace.end("one")
    is_owed = workspace.seconds_to_full_look("one") is not None
    workspace.look("one", quick=False)

    assert is_owed
    assert workspace.seconds_to_full_look("one") is None


def test_idle_workspaces_are_forgotten_and_used_ones_are_not(tmp_path: Path) -> None:
    known = Workspaces(tmp_path)
    busy = known.find(tmp_path / "busy", is_new=True)
    busy.begin("lease")

    first = known.find(tmp_path / "0", is_new=True)
    for number in range(1, workspaces.MAX_KNOWN + 2 * workspaces.FORGET_EVERY):
        known.find(tmp_path / str(number), is_new=True)

    assert known.find(tmp_path / "busy", is_new=False) is busy
    assert known.find(tmp_path / "0", is_new=False) is not first


def test_a_folder_has_one_mark_for_its_life(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    assert node_of(tmp_path) == node_of(tmp_path) != node_of(tmp_path / "other")


def wait_for_a_tick() -> None:
    """Return once whatever is written will have a later time: that clock moves every few milliseconds, or lags."""
    before = time.time_ns()
    while workspaces.file_clock_ns() <= before:
        continue
