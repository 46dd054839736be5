"""Content that nothing names any more, and its deletion.

Whether content is named is asked of both stores, and of jobs for the scripts they name, which are read from the first
to the last: it takes seconds where there are a million of them. `titan.store.blobs` says why nobody who is about to
name something loses it.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from titan.model.retention import Freed, OldBlob
from titan.ports import Blobs, Reader, Store
from titan.ports_calls import CallReader, CallStore

T = TypeVar("T")

PAGE: Final = 500  # rows or files that are looked at in one go: a few milliseconds


class Collector:
    """Finds content that nothing names and deletes it, in the calling thread; what is left when told to end stays."""

    def __init__(self, store: Store, calls: CallStore, blobs: Blobs) -> None:
        self._store = store
        self._calls = calls
        self._blobs = blobs

    def discard(self, digests: Iterable[str], ending: threading.Event) -> Freed:
        """Delete those of these contents that nothing names, whenever they were put; return what that freed."""
        stored = (blob for digest in sorted(digests) if (blob := self._blobs.found(digest)) is not None)
        return self.collect(stored, ending)

    def collect(self, blobs: Iterator[OldBlob], ending: threading.Event, *, is_dry: bool = False) -> Freed:
        """Delete those of these blobs that nothing names; return what that freed, or would free when `is_dry`."""
        freed = Freed()
        for page in paged(iter(self._unnamed(blobs, ending)), ending):
            for blob in page:
                if is_dry or self._blobs.discard(blob):
                    freed += Freed(blobs=1, blob_bytes=blob.size_bytes)
        return freed

    def _unnamed(self, blobs: Iterator[OldBlob], ending: threading.Event) -> list[OldBlob]:
        unnamed: dict[str, OldBlob] = {}
        for page in paged(blobs, ending):
            named = self._store.read(partial(_named, blobs=page)) | self._calls.read(
                partial(_named_by_calls, blobs=page)
            )
            unnamed.update((blob.digest, blob) for blob in page if blob.digest not in named)
        self._leave_out_scripts(unnamed, ending)
        return list(unnamed.values())

    def _leave_out_scripts(self, unnamed: dict[str, OldBlob], ending: threading.Event) -> None:
        """Take out of `unnamed` what jobs name, reading their ids upwards until nothing is left or no job.

        A job that is stored meanwhile comes later in that order, or names what was touched after it was found.
        """
        last: str | None = ""
        while unnamed and last is not None and not ending.is_set():
            began = time.monotonic()
            last, digests = self._store.read(partial(_blobs_of_jobs, after_id=last))
            for digest in digests:
                unnamed.pop(digest, None)
            ending.wait(time.monotonic() - began)  # half of one core at most
        if ending.is_set():
            unnamed.clear()  # nobody knows what the other jobs name


def paged(things: Iterator[T], ending: threading.Event) -> Iterator[list[T]]:
    """Yield them in pages, resting after each as long as it took: half of one core at most."""
    began = time.monotonic()
    while not ending.is_set() and (page := list(islice(things, PAGE))):
        yield page
        ending.wait(time.monotonic() - began)
        began = time.monotonic()


def _named(reader: Reader, blobs: list[OldBlob]) -> set[str]:
    return {blob.digest for blob in blobs if reader.is_blob_named(blob.digest)}


def _named_by_calls(reader: CallReader, blobs: list[OldBlob]) -> set[str]:
    return reader.named_blobs([blob.digest for blob in blobs])


def _blobs_of_jobs(reader: Reader, after_id: str) -> tuple[str | None, set[str]]:
    return reader.blobs_of_jobs(after_id=after_id, limit=PAGE)
