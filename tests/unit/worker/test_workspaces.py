"""What changed in a workspace since the last scan, and to which attempts it is attributed."""

import json
import os
import subprocess
import time
from pathlib import Path

from titan.model.files import FilePlace
from titan.worker.files import workspaces
from titan.worker.files.workspaces import CLOSED_FOLDER, MAX_GLANCE, Workspace, Workspaces, node_of


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
    workspace.look("short")

    assert (found(workspace, "short"), found(workspace, "long")) == ({"both"}, {"both"})
    assert found(workspace, "short") == set()


def test_an_attempt_that_began_later_is_not_named(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("first")
    write(workspace, "early")
    wait_for_a_tick()
    workspace.begin("later")
    workspace.end("first")
    workspace.look("first")

    assert (found(workspace, "first"), found(workspace, "later")) == ({"early"}, set())


def test_files_written_while_no_attempt_ran_go_to_the_one_that_looks(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    write(workspace, "by a person")
    wait_for_a_tick()
    workspace.begin("next")
    workspace.end("next")
    workspace.look("next")

    assert found(workspace, "next") == {"by a person"}


def test_of_a_workspace_that_is_not_known_only_newer_files_are_named(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path, is_new=False)
    write(workspace, "old")
    wait_for_a_tick()
    workspace.begin("one")
    write(workspace, "new")
    workspace.end("one")
    workspace.look("one")

    assert found(workspace, "one") == {"new"}


def test_files_left_by_a_lost_attempt_belong_to_no_other(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("lost")
    write(workspace, "half")
    workspace.lose("lost")
    wait_for_a_tick()
    workspace.begin("next")
    workspace.end("next")
    is_untouched = workspace.is_untouched("next")
    workspace.look("next")

    assert (is_untouched, found(workspace, "next")) == (False, set())
    workspace.close("next")
    assert not workspace.is_in_use


def test_an_attempt_that_left_nothing_is_known_to_be_untouched(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    workspace.begin("silent")
    workspace.end("silent")

    assert workspace.is_untouched("silent")


def test_attempts_that_ended_before_a_scan_share_it(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    for lease_id in ("one", "two"):
        workspace.begin(lease_id)
    write(workspace, "both")
    for lease_id in ("one", "two"):
        workspace.end(lease_id)
    workspace.look("one")
    write(workspace, "later")

    workspace.look("two")

    assert (found(workspace, "one"), found(workspace, "two")) == ({"both"}, {"both"})


def test_scans_take_half_of_the_time_at_most(tmp_path: Path) -> None:
    workspace = a_workspace(tmp_path)
    for number in range(2000):
        write(workspace, str(number))
    for lease_id in ("one", "next"):
        workspace.begin(lease_id)
    workspace.end("one")

    at_first = workspace.seconds_to_look("one")
    workspace.look("one")

    assert (at_first, workspace.seconds_to_look("one")) == (0, 0)
    assert workspace.seconds_to_look("next") > 0


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


def a_running_one(top: Path, path: str = "", *, is_new: bool = False) -> Workspace:
    """Return a workspace in which an attempt, `all`, has run all the time."""
    workspace = Workspace(top, path, FilePlace.WORKSPACE, is_new=is_new)
    workspace.begin("all")
    return workspace


def look(workspace: Workspace) -> set[str]:
    """Return the paths of new and changed files."""
    workspace.look("all")
    return found(workspace, "all")


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def test_new_changed_replaced_and_moved_files_are_found_once(tmp_path: Path) -> None:
    workspace = a_running_one(tmp_path)
    make(tmp_path, "kept", "grown", "replaced", "moved", "b/gone", "b/kept")
    first = look(workspace)

    (tmp_path / "grown").write_text("grown and more")
    make(tmp_path, "other", "c/new")
    (tmp_path / "other").replace(tmp_path / "replaced")
    (tmp_path / "moved").rename(tmp_path / "b" / "here")
    (tmp_path / "b" / "gone").unlink()

    assert first == {"kept", "grown", "replaced", "moved", "b/gone", "b/kept"}
    assert look(workspace) == {"grown", "replaced", "b/here", "c/new"}
    assert look(workspace) == set()


def test_a_folder_that_moved_or_was_made_anew_brings_its_files_along(tmp_path: Path) -> None:
    workspace = a_running_one(tmp_path)
    make(tmp_path, "a/b/c", "a/d")
    look(workspace)

    (tmp_path / "a").rename(tmp_path / "z")
    moved = look(workspace)
    make(tmp_path, "a/d")

    assert (moved, look(workspace)) == ({"z/b/c", "z/d"}, {"a/d"})


def test_a_workspace_that_is_gone_and_comes_back_is_new(tmp_path: Path) -> None:
    workspace, folder = a_running_one(tmp_path, "shared"), tmp_path / "shared"
    make(folder, "a")
    look(workspace)
    folder.rename(tmp_path / "elsewhere")
    gone = look(workspace)
    make(folder, "a")

    assert (gone, look(workspace)) == (set(), {"a"})


def test_links_are_files_and_never_followed(tmp_path: Path) -> None:
    workspace, behind_a_link = a_running_one(tmp_path, "shared"), a_running_one(tmp_path, "link")
    make(tmp_path, "outside/secret")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "link").symlink_to(tmp_path / "outside")

    assert (look(workspace), look(behind_a_link)) == ({"link"}, set())


def test_compiled_python_is_not_looked_into(tmp_path: Path) -> None:
    workspace = a_running_one(tmp_path)
    make(tmp_path, "a.py", "__pycache__/a.pyc", "b/__pycache__/c.pyc")

    assert look(workspace) == {"a.py"}


def test_a_glance_sees_every_change_and_leaves_large_folders_alone(tmp_path: Path) -> None:
    workspace = a_running_one(tmp_path, is_new=True)
    at_first = workspace.is_untouched("all")
    make(tmp_path, "a", "b/c")
    when_new = workspace.is_untouched("all")
    look(workspace)
    when_known = workspace.is_untouched("all")
    (tmp_path / "b" / "c").write_text("changed")
    when_changed = workspace.is_untouched("all")
    make(tmp_path, *(f"many/{number}" for number in range(MAX_GLANCE)))
    look(workspace)

    assert (at_first, when_new, when_known, when_changed) == (True, False, True, False)
    assert not workspace.is_untouched("all")
    assert not a_running_one(tmp_path).is_untouched("all")


def test_a_deep_tree_is_handled(tmp_path: Path) -> None:
    workspace = a_running_one(tmp_path)
    path = "/".join("d" for _ in range(1500))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)

    try:
        assert look(workspace) == {f"{path}/file"}
    finally:
        subprocess.run(
            ["rm", "-r", tmp_path / "d"], check=True, timeout=120
        )  # Python's own removal gives up at such a depth


def test_a_folder_that_may_not_be_read_is_found_once(tmp_path: Path) -> None:
    make(tmp_path, "open", "closed/secret")
    (tmp_path / "closed").chmod(0)
    try:
        answers = as_nobody(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o700)

    assert answers == [{"open": False, "closed": True}, {}]


def as_nobody(folder: Path) -> list[dict[str, bool]]:
    """Return what two looks of a process without special rights find, and which of it is a closed folder."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.chmod(folder, 0o755)
            if os.geteuid() == 0:
                _make_way(folder)
                os.setresuid(65534, 65534, 65534)
            workspace = Workspace(folder, "", FilePlace.WORKSPACE, is_new=True)
            seen = []
            for lease_id in "12":
                workspace.begin(lease_id)
                workspace.look(lease_id)
                seen.append({path: stamp == CLOSED_FOLDER for path, stamp in workspace.take(lease_id).items()})
            os.write(writer, json.dumps(seen).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    answers: list[dict[str, bool]] = json.loads(text)
    return answers


def _make_way(folder: Path) -> None:
    """Let others pass the folders above, which pytest makes for their owner only."""
    for above in folder.parents:
        if above.stat().st_uid == os.geteuid() and "pytest" in str(above):
            above.chmod(above.stat().st_mode | 0o111)


def wait_for_a_tick() -> None:
    """Return once whatever is written will have a later time: that clock moves every few milliseconds, or lags."""
    before = time.time_ns()
    while workspaces.file_clock_ns() <= before:
        continue
