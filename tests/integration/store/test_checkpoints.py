"""The log of a database goes into its file beside the writer, and begins anew; whoever reads holds nothing up."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.support.waiting import wait_until
from titan.store.sqlite.session import Checkpoints

PAGES = 20
SALT = slice(
    16, 24
)  # another one each time that a log begins anew: https://sqlite.org/fileformat2.html#the_write_ahead_log


def opened(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path))
    connection.execute("pragma journal_mode = wal").fetchall()
    return connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.db"
    with closing(opened(path)) as connection:
        connection.execute("create table facts (number integer primary key, text text)")
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[apsw.Connection]:
    connection = opened(path)
    checkpoints = Checkpoints(connection, path, pages=PAGES)
    yield connection
    checkpoints.close()
    connection.close()


def committed(writer: apsw.Connection) -> int:
    """Commit a fact as long as a page; return how many there are."""
    writer.execute("insert into facts (text) values (hex(zeroblob(2000)))")
    return writer.last_insert_rowid()


def begins_anew(path: Path, writer: apsw.Connection) -> Callable[[], bool]:
    """Return what commits once more and tells whether the log began anew since now."""
    committed(writer)
    log = path.with_name(path.name + "-wal")
    before = log.read_bytes()[SALT]

    def has_begun() -> bool:
        committed(writer)
        return log.read_bytes()[SALT] != before

    return has_begun


def test_a_log_begins_anew_while_its_writer_goes_on(path: Path, writer: apsw.Connection) -> None:
    for _ in range(3):
        wait_until(begins_anew(path, writer), "a log that begins anew")

    count = committed(writer)
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        assert reader.execute("select count(*), count(distinct number) from facts").fetchall() == [(count, count)]


def test_a_log_shorter_than_asked_stays_as_it_is(path: Path, writer: apsw.Connection) -> None:
    size = path.stat().st_size

    for _ in range(PAGES // 4):
        committed(writer)

    assert path.stat().st_size == size


def test_who_reads_an_older_state_keeps_it_and_the_log_goes_on(path: Path, writer: apsw.Connection) -> None:
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        seen = committed(writer)
        reader.execute("begin")
        assert reader.execute("select count(*) from facts").fetchall() == [(seen,)]

        for _ in range(PAGES * 3):
            committed(writer)

        assert reader.execute("select count(*) from facts").fetchall() == [(seen,)]
        reader.execute("commit")
        assert reader.execute("select count(*) from facts").fetchall() == [(seen + PAGES * 3,)]

    wait_until(begins_anew(path, writer), "a log that begins anew when nobody reads it")


def test_a_file_that_cannot_be_opened_again_loses_nothing(
    path: Path, writer: apsw.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    moved = path.rename(path.with_name("moved.db"))

    wait_until(lambda: committed(writer) > 0 and "could not be opened" in caplog.text, "word of the file")

    count = committed(writer)
    moved.rename(path)
    assert writer.execute("select count(*) from facts").fetchall() == [(count,)]
