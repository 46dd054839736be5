"""A file that appears at its place only once it is whole."""

from __future__ import annotations

import os

from titan_sdk.http1 import NotWritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO


class PartialFile:
    """What becomes `target`, beside it under a name of its own until `keep`."""

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = os.fspath(target)
        self._path = f"{self._target}.{os.urandom(4).hex()}.part"

    def begun(self) -> _Pieces:
        """Begin anew, over what was written before, and return where the pieces go; a context manager.

        Raises:
            NotWritable: the file cannot be opened.
        """
        try:
            return _Pieces(open(self._path, "wb"))
        except OSError as cause:
            raise NotWritable(cause) from cause

    def keep(self) -> None:
        """Put the file at its place, over what is there.

        Raises:
            OSError: a folder is there.
        """
        os.replace(self._path, self._target)

    def discard(self) -> None:
        """Remove what was written, if anything."""
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
