"""A file that appears at its place only once it is whole."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


class NotWritable(Exception):
    """This machine's disk refused, not the server: repeating the request does not help."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class PartialFile:
    """What becomes `target`, beside it under a name of its own until `keep`."""

    def __init__(self, target: str | os.PathLike[str]) -> None:
        self._target = os.fspath(target)
        self._path = f"{self._target}.{os.urandom(4).hex()}.part"

    def write(self, pieces: Iterator[bytes]) -> None:
        """Write all pieces, over what an earlier call wrote.

        Raises:
            NotWritable: the file cannot be opened or written. What `pieces` raises passes through.
        """
        with self._opened() as file:
            for piece in pieces:
                try:
                    file.write(piece)
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

    def _opened(self) -> BinaryIO:
        try:
            return open(self._path, "wb")
        except OSError as cause:
            raise NotWritable(cause) from cause
