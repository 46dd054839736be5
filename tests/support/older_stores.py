"""Stores as commit 0e463a12 left them, filled by a real server: `scripts/older_stores.py` wrote them."""

import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg

from tests.support.postgres import a_database
from tests.support.sources import ROOT

#: The versions of their schemas.
OLDER: Final = {"control.db": 18, "calls.db": 38}
_FOLDER: Final = ROOT / "tests/integration/store/older"


def older_home(folder: Path) -> Path:
    """Return a home with the databases, blobs and logs of one whose server was stopped while a job ran."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    content = io.BytesIO(lzma.decompress((_FOLDER / "home.tar.xz").read_bytes()))
    with tarfile.open(fileobj=content) as archive:
        archive.extractall(home, filter="data")
    return home


@contextmanager
def older_database() -> Iterator[str]:
    """Give the URL of a database whose server was stopped while a job ran."""
    with a_database(is_empty=True) as url:
        with psycopg.connect(url) as connection:
            connection.execute(lzma.decompress((_FOLDER / "postgres.sql.xz").read_bytes()))
            connection.execute("delete from public.meta where name = 'shared_folder'")  # nobody has it any more
        yield url
