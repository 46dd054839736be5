"""What changed in a folder since the last look."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from titan.worker.files.folder_index import CLOSED_FOLDER, MAX_GLANCE, SMALL, UNSURE_NS, FolderIndex


def look(index: FolderIndex, *, quick: bool = False) -> set[str]:
    """Return the paths of what a look finds."""
    return {path for step in index.look(quick=quick) for path in step}


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)


def age(folder: Path) -> None:
    """Let every folder look as if it had last changed long ago, so that its mtime can be relied on."""
    long_ago = time.time_ns() - 100 * UNSURE_NS
    for path in (folder, *(each for each in folder.rglob("*") if each.is_dir() and not each.is_symlink())):
        os.utime(path, ns=(long_ago, long_ago))


def a_known_index(folder: Path) -> FolderIndex:
    age(folder)
    index = FolderIndex(folder, "")
    look(index)
    return index


def test_a_first_look_finds_all_files_and_a_second_none(tmp_path: Path) -> None:
    make(tmp_path, "a", "b/c", "b/d/e")
    index = FolderIndex(tmp_path, "")

    assert look(index) == {"a", "b/c", "b/d/e"}
    assert look(index) == set()


@pytest.mark.parametrize("is_aged", [True, False])
def test_new_changed_replaced_and_moved_files_are_found(tmp_path: Path, is_aged: bool) -> None:
    make(tmp_path, "kept", "grown", "replaced", "moved", "b/gone", "b/kept")
    index = a_known_index(tmp_path) if is_aged else FolderIndex(tmp_path, "")
    look(index)

    (tmp_path / "grown").write_text("grown and more")
    make(tmp_path, "other", "c/new")
    (tmp_path / "other").replace(tmp_path / "replaced")
    (tmp_path / "moved").rename(tmp_path / "b" / "here")
    (tmp_path / "b" / "gone").unlink()

    assert look(index) == {"grown", "replaced", "b/here", "c/new"}
    assert look(index) == set()


def test_a_folder_that_moved_brings_its_files_along(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c", "a/d")
    index = a_known_index(tmp_path)

    (tmp_path / "a").rename(tmp_path / "z")

    assert look(index) == {"z/b/c", "z/d"}


def test_what_is_gone_is_forgotten_with_all_below_it(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c", "a/d", "e")
    index = a_known_index(tmp_path)
    (tmp_path / "a" / "b" / "c").unlink()
    (tmp_path / "a" / "b").rmdir()
    (tmp_path / "a" / "d").unlink()
    (tmp_path / "a").rmdir()
    (tmp_path / "e").unlink()

    look(index)

    assert index.is_unchanged()
    make(tmp_path, "a/d")
    assert look(index) == {"a/d"}


def test_a_folder_that_is_gone_and_comes_back_is_new(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    make(folder, "a")
    index = FolderIndex(tmp_path, "shared")
    look(index)
    folder.rename(tmp_path / "elsewhere")

    assert look(index) == set()
    make(folder, "a")
    assert look(index) == {"a"}


def test_links_are_files_and_never_followed(tmp_path: Path) -> None:
    make(tmp_path, "outside/secret")
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside")

    assert look(FolderIndex(tmp_path, "shared")) == {"link"}


def test_a_folder_behind_a_link_is_not_looked_into(tmp_path: Path) -> None:
    make(tmp_path, "outside/secret")
    (tmp_path / "shared").symlink_to(tmp_path / "outside")

    assert look(FolderIndex(tmp_path, "shared")) == set()


def test_compiled_python_is_not_looked_into(tmp_path: Path) -> None:
    make(tmp_path, "a.py", "__pycache__/a.pyc", "b/__pycache__/c.pyc")

    assert look(FolderIndex(tmp_path, "")) == {"a.py"}


def test_a_new_folder_is_known_to_be_empty(tmp_path: Path) -> None:
    index = FolderIndex(tmp_path, "", is_new=True)

    assert index.is_known
    assert index.is_unchanged()
    make(tmp_path, "a")
    assert not index.is_unchanged()
    assert look(index) == {"a"}


def test_a_glance_sees_every_change_and_leaves_large_folders_alone(tmp_path: Path) -> None:
    make(tmp_path, "a", "b/c")
    index = a_known_index(tmp_path)
    assert index.is_unchanged()

    (tmp_path / "b" / "c").write_text("changed")
    assert not index.is_unchanged()

    make(tmp_path, *(f"many/{number}" for number in range(MAX_GLANCE)))
    assert not a_known_index(tmp_path).is_unchanged()


def test_a_folder_that_nobody_looked_at_is_not_known(tmp_path: Path) -> None:
    assert not FolderIndex(tmp_path, "").is_known
    assert not FolderIndex(tmp_path, "").is_unchanged()


def test_a_quick_look_at_a_large_folder_finds_what_is_new_and_what_changed_last(tmp_path: Path) -> None:
    make(tmp_path, *(f"old/{number:05d}" for number in range(SMALL + 500)))
    index = a_known_index(tmp_path)
    make(tmp_path, "recent")
    assert look(index, quick=True) == {"recent"}

    (tmp_path / "recent").write_text("again")
    (tmp_path / "old" / "00003").write_text("changed in place")
    make(tmp_path, "new/deep/file", "old/added")

    assert look(index, quick=True) == {"recent", "new/deep/file", "old/added"}
    assert look(index) == {"old/00003"}


def test_a_deep_tree_is_no_trouble(tmp_path: Path) -> None:
    path = "/".join("d" for _ in range(1500))
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        below = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    index = FolderIndex(tmp_path, "")

    try:
        assert look(index) == {f"{path}/file"}
        (tmp_path / "d").rename(tmp_path / "e")
        assert look(index) == {f"e{path[1:]}/file"}
    finally:
        subprocess.run(["rm", "-r", tmp_path / "e"], check=True)  # Python's own removal gives up at such a depth


def test_a_folder_that_may_not_be_read_is_told_of_once(tmp_path: Path) -> None:
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
            index = FolderIndex(folder, "")
            found = [
                {path: stamp == CLOSED_FOLDER for step in index.look() for path, stamp in step.items()} for _ in "12"
            ]
            os.write(writer, json.dumps(found).encode())
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
