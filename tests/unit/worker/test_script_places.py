"""Where a job's script is put in its workspace."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.worker.test_workspaces import found, wait_for_a_tick
from titan.model.files import FilePlace
from titan.worker.files.script_places import PlacedScript, Script, WorkspaceSpoiled, place_script
from titan.worker.files.workspaces import Workspace


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "run" / "shared").mkdir(parents=True)
    return tmp_path / "run" / "shared"


@pytest.fixture
def workspace(shared: Path) -> Workspace:
    return Workspace(shared.parents[1], "run/shared", FilePlace.WORKSPACE, is_new=True)


def a_script(content: str, name: str = "job.py") -> Script:
    return Script(name=name, content=content.encode(), digest=hashlib.sha256(content.encode()).hexdigest())


def place(script: Script, workspace: Workspace) -> PlacedScript:
    return place_script(script, workspace, spare=workspace.top / "spare")


def own_folder(script: Script) -> str:
    return f".script-{script.digest[:16]}"


def test_a_script_lies_in_the_workspace_itself(workspace: Workspace, shared: Path) -> None:
    placed = place(a_script("1"), workspace)

    assert placed == PlacedScript(path=shared / "job.py", appears_as=shared / "job.py")
    assert placed.path.read_text() == "1"
    assert os.listdir(workspace.top) == ["run"]


def test_equal_scripts_share_one_file(workspace: Workspace, shared: Path) -> None:
    first = place(a_script("1"), workspace)
    workspace.begin("first")

    assert place(a_script("1"), workspace) == first
    assert os.listdir(shared) == ["job.py"]


def test_another_script_of_that_name_gets_a_folder_of_its_own(workspace: Workspace, shared: Path) -> None:
    place(a_script("1"), workspace)

    placed = place(a_script("2"), workspace)

    assert placed.path == placed.appears_as == shared / own_folder(a_script("2")) / "job.py"
    assert (placed.path.read_text(), (shared / "job.py").read_text()) == ("2", "1")
    assert place(a_script("2"), workspace) == placed
    assert place(a_script("1"), workspace).path == shared / "job.py"


def test_a_file_of_an_earlier_job_under_that_name_stays(workspace: Workspace, shared: Path) -> None:
    (shared / "report.py").write_text("an output")

    placed = place(a_script("1", "report.py"), workspace)

    assert (shared / "report.py").read_text() == "an output"
    assert placed.path.read_text() == "1"


def test_a_script_is_nobody_s_file_until_a_job_changes_it(workspace: Workspace, shared: Path) -> None:
    workspace.begin("runs already")
    place(a_script("1"), workspace)
    place(a_script("2"), workspace)
    wait_for_a_tick()
    workspace.begin("job")
    (shared / "job.py").write_text("changed")
    workspace.end("job")
    workspace.look("job")

    assert found(workspace, "job") == {"job.py"}
    assert found(workspace, "runs already") == {"job.py"}


def test_a_job_that_writes_nothing_costs_a_glance_beside_its_script(workspace: Workspace) -> None:
    place(a_script("1"), workspace)
    workspace.begin("job")
    workspace.end("job")

    assert workspace.is_untouched("job")


def test_a_script_that_a_job_changed_or_deleted_is_there_again_for_the_next(workspace: Workspace, shared: Path) -> None:
    place(a_script("1"), workspace).path.write_text("changed")
    second = place(a_script("1"), workspace).path
    second.write_text("changed again")
    third = place(a_script("1"), workspace).path
    (shared / "job.py").unlink()
    fourth = place(a_script("1"), workspace).path

    assert second == third == shared / own_folder(a_script("1")) / "job.py"
    assert third.read_text() == "1"
    assert fourth == shared / "job.py"


def test_the_executed_script_cannot_be_rewritten_by_a_running_job(workspace: Workspace, shared: Path) -> None:
    workspace.begin("writer")
    (shared / "job.py").write_text("1")

    placed = place(a_script("1"), workspace)
    (shared / "job.py").write_text("2")

    assert placed.appears_as == shared / "job.py"
    assert placed.path.read_text() == "1"


def test_a_script_written_by_an_ended_job_is_run_in_its_place(workspace: Workspace, shared: Path) -> None:
    workspace.begin("writer")
    (shared / "job.py").write_text("1")
    workspace.end("writer")
    wait_for_a_tick()
    workspace.begin("later")

    assert place(a_script("1"), workspace).path == shared / "job.py"


def test_after_a_new_start_of_the_worker_a_script_lies_where_it_lay(workspace: Workspace, shared: Path) -> None:
    first = place(a_script("1"), workspace)
    wait_for_a_tick()
    anew = Workspace(workspace.top, workspace.path, FilePlace.WORKSPACE)
    anew.begin("other")

    assert place(a_script("1"), anew) == first


PLANTED: dict[str, Callable[[Path, Path], None]] = {
    "a link to a file": lambda name, outside: name.symlink_to(outside / "precious"),
    "a link to nothing": lambda name, outside: name.symlink_to(outside / "new"),
    "a link to a folder": lambda name, outside: name.symlink_to(outside),
    "a folder": lambda name, _: name.mkdir(),
    "a pipe": lambda name, _: os.mkfifo(name),
    "a second name of a file": lambda name, outside: name.hardlink_to(outside / "precious"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_nothing_is_written_through_a_link_that_a_job_planted_under_the_name(
    workspace: Workspace, shared: Path, tmp_path: Path, planted: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    PLANTED[planted](shared / "job.py", outside)

    placed = place(a_script("1"), workspace)

    assert placed.path.read_text() == "1"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"precious": "precious"}


@pytest.mark.parametrize("planted", ["a link to a folder", "a pipe", "a second name of a file"])
def test_a_planted_folder_of_its_own_is_refused_as_a_job_s_doing(
    workspace: Workspace, shared: Path, tmp_path: Path, planted: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    (shared / "job.py").write_text("an output")
    PLANTED[planted](shared / own_folder(a_script("1")), outside)

    with pytest.raises(WorkspaceSpoiled):
        place(a_script("1"), workspace)

    assert os.listdir(outside) == ["precious"]


def test_a_workspace_that_became_a_link_is_refused_as_a_job_s_doing(
    workspace: Workspace, shared: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    shared.rmdir()
    shared.symlink_to(tmp_path / "outside")

    with pytest.raises(WorkspaceSpoiled):
        place(a_script("1"), workspace)

    assert os.listdir(tmp_path / "outside") == []


def test_a_script_that_could_not_be_put_leaves_nothing(workspace: Workspace, shared: Path) -> None:
    with pytest.raises(OSError, match="name too long"):
        place(a_script("1", "x" * 300), workspace)

    assert (os.listdir(shared), os.listdir(workspace.top)) == ([], ["run"])
