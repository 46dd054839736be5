"""Write a file under a temporary name, and rename it once it is complete."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


class NotWritable(Exception):
    """The local disk failed, not the server: repeating the request does not help."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self._parts = (cause.errno, cause.strerror, cause.filename)

    def as_of_the_disk(self) -> OSError:
        """Return a new copy of the disk's error: a reference cycle would keep frames and sockets alive."""
        return OSError(*self._parts)


class PartialFile:
    """A file beside `target`, renamed to it by `keep`."""

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = os.fspath(target)
        self._path = f"{self._target}.{os.urandom(4).hex()}.part"

    def begun(self) -> _Pieces:
        """Start over, and return a context manager to write pieces to.

        Raises:
            NotWritable: the file cannot be opened.
        """
        try:
            return _Pieces(open(self._path, "wb"))
        except OSError as cause:
            raise NotWritable(cause) from cause

    def keep(self) -> None:
        """Rename the file to its target, replacing what is there.

        Raises:
            OSError: a folder is there.
        """
        os.replace(self._path, self._target)

    def discard(self) -> None:
        """Remove the temporary file, if there is one."""
        try:
            os.remove(self._path)
        except FileNotFoundError:
            return


class _Pieces:
    """A file that is being written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def __enter__(self) -> _Pieces:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as cause:
            raise NotWritable(cause) from cause

    def write(self, piece: bytes) -> None:
        """Append a piece.

        Raises:
            NotWritable: the disk is full, for instance.
        """
        try:
            self._file.write(piece)
        except OSError as cause:
            raise NotWritable(cause) from cause
