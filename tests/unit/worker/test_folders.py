"""The folders of attempts."""

import os
from pathlib import Path

import pytest

from tests.support.assignments import an_assignment
from tests.support.zips import a_zip
from titan.engine.worker.folders import AttemptFolders
from titan.model.errors import InvalidInput


def test_an_attempt_gets_its_script_and_a_workspace(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)

    files = folders.prepare(an_assignment(filename="a b.py", workspace="run-R1"), b"print(1)")

    assert files.script.name == "a b.py"
    assert files.script.read_bytes() == b"print(1)"
    assert os.listdir(files.script.parent) == ["a b.py"]
    assert files.directory == tmp_path / "workspaces" / "run-R1" / "titan_workspace" / "shared"
    assert files.directory.is_dir()


def test_attempts_at_the_same_time_have_folders_of_their_own(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)

    one = folders.prepare(an_assignment("one"), b"1")
    other = folders.prepare(an_assignment("other"), b"2")

    assert (one.script.read_bytes(), other.script.read_bytes()) == (b"1", b"2")
    assert one.log != other.log


def test_a_discarded_folder_is_used_again_and_holds_nothing_old(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    first = folders.prepare(an_assignment("one", filename="one.py"), b"the first and longer")
    (first.script.parent / "__pycache__").mkdir()
    first.log.write_bytes(b"old output")

    folders.discard("one")
    second = folders.prepare(an_assignment("two", filename="two.py"), b"second")

    assert second.script.parent == first.script.parent
    assert os.listdir(second.script.parent) == ["two.py"]
    assert second.script.read_bytes() == b"second"
    assert second.log.read_bytes() == b""


def test_writing_the_next_script_changes_no_file_that_a_job_linked_it_to(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    first = folders.prepare(an_assignment("one"), b"the first")
    os.link(first.script, tmp_path / "kept")
    first.log.symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("precious")

    folders.discard("one")
    folders.prepare(an_assignment("two"), b"second")

    assert (tmp_path / "kept").read_bytes() == b"the first"
    assert (tmp_path / "precious").read_text() == "precious"


def test_discarding_twice_or_what_never_was_is_no_matter(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path)
    folders.prepare(an_assignment("one"), b"")

    for lease_id in ("one", "one", "unknown"):
        folders.discard(lease_id)

    assert folders.prepare(an_assignment("two"), b"") != folders.prepare(an_assignment("three"), b"")


def test_what_an_earlier_worker_left_is_removed_but_for_the_workspaces(tmp_path: Path) -> None:
    earlier = AttemptFolders(tmp_path).prepare(an_assignment("one"), b"")
    (earlier.directory / "result.txt").touch()

    AttemptFolders(tmp_path)

    assert not earlier.script.exists()
    assert (earlier.directory / "result.txt").exists()


def test_names_that_are_paths_lead_nowhere_else(tmp_path: Path) -> None:
    files = AttemptFolders(tmp_path / "worker").prepare(
        an_assignment(filename="../../evil.py", workspace="../../evil"), b""
    )

    assert files.script.name == "evil.py"
    assert files.directory.is_relative_to(tmp_path / "worker" / "workspaces")
    assert files.script.is_relative_to(tmp_path / "worker" / "attempts")


def a_zip_file(folder: Path) -> Path:
    path = folder / "project.zip"
    path.write_bytes(a_zip({"src/main.py": "print(1)", "src/tool": ""}, modes={"src/tool": 0o100755}))
    return path


def test_an_unpacked_archive_is_an_attempts_own_folder_beside_the_workspace(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")

    folders.unpack(an_assignment("one", filename="src/main.py"), a_zip_file(tmp_path))
    folders.unpack(an_assignment("two", filename="src/main.py"), a_zip_file(tmp_path))
    one, two = folders.unpacked("one"), folders.unpacked("two")

    assert one.script.read_text() == "print(1)"
    assert one.directory == one.script.parent != two.directory
    assert one.workspace == two.workspace
    assert os.access(one.directory / "tool", os.X_OK)
    assert not os.access(one.script, os.X_OK)


def test_a_held_folder_stays_until_it_is_released(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")
    folders.unpack(an_assignment("one", filename="src/main.py"), a_zip_file(tmp_path))
    script = folders.unpacked("one").script

    folders.hold("one")
    folders.discard("one")
    is_kept = script.exists()
    folders.release("one")

    assert is_kept
    assert not script.exists()
    assert not script.parents[1].exists()


def test_a_folder_that_was_released_goes_when_it_is_discarded(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")
    folders.unpack(an_assignment("one", filename="src/main.py"), a_zip_file(tmp_path))
    script = folders.unpacked("one").script

    folders.hold("one")
    folders.release("one")
    is_kept = script.exists()
    folders.discard("one")

    assert (is_kept, script.exists()) == (True, False)


def test_an_archive_that_cannot_be_unpacked_leaves_nothing(tmp_path: Path) -> None:
    folders = AttemptFolders(tmp_path / "worker")
    before = sorted((tmp_path / "worker" / "attempts").iterdir())

    with pytest.raises(InvalidInput):
        folders.unpack(an_assignment("one", filename="missing.py"), a_zip_file(tmp_path))

    assert sorted((tmp_path / "worker" / "attempts").iterdir()) == before
