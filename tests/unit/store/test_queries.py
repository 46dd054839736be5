"""Named queries are found, composed and replaced as the loader says."""

from pathlib import Path

import pytest

from titan.store.queries import load_queries


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_queries_are_loaded_from_all_files_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "-- about a\n\n-- name: one\nselect 1\n\n-- name: two\nselect\n    2\n")
    write(tmp_path, "b.sql", "-- name: three\nselect 3 -- three\n")

    assert load_queries(tmp_path) == {"one": "select 1", "two": "select\n    2", "three": "select 3 -- three"}


def test_a_fragment_replaces_its_name(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "-- fragment: columns\nid, name\n\n-- name: job\nselect {columns} from jobs")

    assert load_queries(tmp_path) == {"job": "select id, name from jobs"}


def test_a_later_folder_replaces_queries_by_name(tmp_path: Path) -> None:
    general = write(tmp_path / "general", "a.sql", "-- name: one\nselect 1\n-- name: two\nselect 2")
    dialect = write(tmp_path / "dialect", "a.sql", "-- name: two\nselect 'two'")

    assert load_queries(general, dialect) == {"one": "select 1", "two": "select 'two'"}


def test_a_folder_that_is_not_there_holds_no_queries(tmp_path: Path) -> None:
    assert load_queries(tmp_path / "none") == {}


def test_a_query_name_used_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "-- name: one\nselect 1")
    write(tmp_path, "b.sql", "-- name: one\nselect 1")

    with pytest.raises(ValueError, match="'one' stands twice"):
        load_queries(tmp_path)


def test_a_fragment_that_is_missing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.sql", "-- name: job\nselect {columns} from jobs")

    with pytest.raises(ValueError, match=r"'job' uses \['columns'\]"):
        load_queries(tmp_path)
