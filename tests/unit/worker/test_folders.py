"""The folders of attempts."""

import os
from pathlib import Path

import pytest

from tests.support.assignments import an_assignment
from tests.support.zips import a_zip
from titan.model.errors import InvalidInput
from titan.worker.files.folders import AttemptFolders


def test_an_attempt_gets_a_workspace_and_a_log_beside_it(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)

    files = folders.prepare(an_assignment(workspace="run-R1"))

    assert files.directory == files.workspace == tmp_path / "workspaces" / "run-R1" / "titan_workspace" / "shared"
    assert os.listdir(files.directory) == []
    assert not files.log.is_relative_to(tmp_path / "workspaces")


def test_attempts_at_the_same_time_have_logs_of_their_own(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)

    assert folders.prepare(an_assignment("one")).log != folders.prepare(an_assignment("other")).log


def test_a_discarded_log_is_used_again_and_holds_nothing_old(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    first = folders.prepare(an_assignment("one"))
    first.log.write_bytes(b"old output")

    folders.discard("one")
    second = folders.prepare(an_assignment("two"))

    assert second.log == first.log
    assert second.log.read_bytes() == b""


def test_emptying_a_log_changes_no_file_that_a_job_linked_it_to(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    first = folders.prepare(an_assignment("one"))
    first.log.unlink()
    first.log.symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("precious")

    folders.discard("one")

    assert (tmp_path / "precious").read_text() == "precious"


def test_discarding_twice_or_an_unknown_lease_does_nothing(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    folders.prepare(an_assignment("one"))

    for lease_id in ("one", "one", "unknown"):
        folders.discard(lease_id)

    assert folders.prepare(an_assignment("two")) != folders.prepare(an_assignment("three"))


def test_files_of_an_earlier_worker_are_removed_except_the_workspaces(tmp_path: Path) -> None:
    earlier = AttemptFolders(tmp_path)
    files = earlier.prepare(an_assignment("one"))
    (files.directory / "result.txt").touch()
    earlier.spare_script.touch()

    AttemptFolders(tmp_path)

    assert not files.log.exists()
    assert not earlier.spare_script.exists()
    assert (files.directory / "result.txt").exists()


def test_names_that_are_paths_lead_nowhere_else(tmp_path: Path) -> None:
    files = AttemptFolders(tmp_path / "worker").prepare(an_assignment(workspace="../../evil"))

    assert files.directory.is_relative_to(tmp_path / "worker" / "workspaces")


def a_zip_file(folder: Path) -> Path:
    path = folder / "project.zip"
    path.write_bytes(a_zip({"src/main.py": "print(1)", "src/tool": ""}, modes={"src/tool": 0o100755}))
    return path


def test_an_unpacked_archive_is_an_attempts_own_folder_beside_the_workspace(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")

    folders.unpack(an_assignment("one", filename="src/main.py"), a_zip_file(tmp_path))
    folders.unpack(an_assignment("two", filename="src/main.py"), a_zip_file(tmp_path))
    one, two = folders.unpacked("one"), folders.unpacked("two")

    assert (one.directory / "main.py").read_text() == "print(1)"
    assert one.directory != two.directory
    assert one.workspace == two.workspace
    assert os.access(one.directory / "tool", os.X_OK)
    assert not os.access(one.directory / "main.py", os.X_OK)

    folders.discard("one")

    assert (one.directory.exists(), two.directory.exists()) == (False, True)


def test_an_archive_that_cannot_be_unpacked_leaves_nothing(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")
    before = sorted((tmp_path / "worker" / "attempts").iterdir())

    with pytest.raises(InvalidInput):
        folders.unpack(an_assignment("one", filename="missing.py"), a_zip_file(tmp_path))

    assert sorted((tmp_path / "worker" / "attempts").iterdir()) == before
