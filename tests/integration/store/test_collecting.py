"""Collecting blobs while others put, touch, read and name them: every order of the steps, and a storm of threads."""

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.interleaving import Stage, every_order
from tests.support.stores import StandingClock
from titan.server.lookup import open_blob
from titan.store.blobs import FolderBlobs, Steps
from titan.system import SystemClock

CONTENT = b"print('hello')"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
HOUR = timedelta(hours=1)


class StagedSteps(Steps):
    """Waits for its turn before each step."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(SystemClock())
        self._stage = stage

    def renew(self, path: Path) -> bool:
        self._stage.step()
        return super().renew(path)

    def mark(self, path: Path) -> int | None:
        self._stage.step()
        return super().mark(path)

    def move(self, source: Path, target: Path) -> bool:
        self._stage.step()
        return super().move(source, target)

    def delete(self, path: Path) -> bool:
        self._stage.step()
        return super().delete(path)


class Play:
    """One old blob that nothing names, a collector after it, and others who want it."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self._stage = stage
        self.blobs = FolderBlobs(folder, steps=StagedSteps(stage))
        self.references = 0
        self.was_refused = False
        self.was_collected = False
        path = self.blobs.path(self.blobs.put(CONTENT))
        assert path is not None
        two_hours_ago = time.time() - 7200
        os.utime(path, (two_hours_ago, two_hours_ago))
        (self._found,) = self.blobs.old(before=datetime.now(UTC) - HOUR)

    def collect(self) -> None:
        """Ask what names the blob, and discard it when nothing does."""
        self._stage.step()
        if not self.references:
            self.was_collected = self.blobs.discard(self._found)

    def name(self) -> None:
        """Commit a reference, if the content is stored: as a client that sent a script before."""
        if self.blobs.touch(DIGEST):
            self._stage.step()
            self.references += 1
        else:
            self.was_refused = True

    def put(self) -> None:
        """Send the content, then commit a reference."""
        self.blobs.put(CONTENT)
        self._stage.step()
        self.references += 1

    def put_and_read(self) -> None:
        """Send the content, commit a reference, and open what is stored, as a worker does."""
        self.put()
        path = self.blobs.path(DIGEST)
        assert path is not None

    def check(self) -> None:
        """Whatever is named is stored; what was refused was collected."""
        path = self.blobs.path(DIGEST)
        if self.references:
            assert path is not None
            assert path.read_bytes() == CONTENT
        if self.was_refused:
            assert self.was_collected
        assert path is not None or self.was_collected


ACTORS = {
    "one who names it": (Play.name,),
    "one who puts it": (Play.put,),
    "one who puts and reads it": (Play.put_and_read,),
}


@pytest.mark.parametrize("others", ACTORS.values(), ids=ACTORS.keys())
def test_in_no_order_of_steps_is_a_named_blob_collected(
    tmp_path: Path, others: tuple[Callable[[Play], None], ...]
) -> None:
    numbers, fates = count(), set()

    def play(stage: Stage) -> None:
        scene = Play(tmp_path / str(next(numbers)), stage)
        stage.play(scene.collect, *[partial(other, scene) for other in others])
        scene.check()
        fates.add(scene.was_collected)

    orders = list(every_order(play))

    assert len(orders) >= 15
    assert fates == {True, False}


@given(choices=st.lists(st.integers(min_value=0, max_value=3), max_size=30))
def test_with_three_others_at_once_no_named_blob_is_collected(
    tmp_path_factory: pytest.TempPathFactory, choices: list[int]
) -> None:
    stage = Stage(choices)
    scene = Play(tmp_path_factory.mktemp("blobs"), stage)

    stage.play(scene.collect, scene.name, scene.put, scene.name)

    scene.check()


def test_a_blob_taken_when_the_process_died_is_put_back_at_the_next_start(tmp_path: Path) -> None:
    place = FolderBlobs(tmp_path).path(FolderBlobs(tmp_path).put(CONTENT))
    assert place is not None
    place.rename(tmp_path / "taken" / DIGEST)

    again = FolderBlobs(tmp_path)

    assert again.path(DIGEST) == place
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_storm_of_threads_loses_no_named_blob(tmp_path: Path) -> None:
    """A touch and its commit are one step here: the listing counts everything as old, so there is no hour between."""
    blobs, contents = FolderBlobs(tmp_path), [b"content %d" % number for number in range(8)]
    references: Counter[str] = Counter()
    lock, is_over = threading.Lock(), threading.Event()

    def collect() -> int:
        collected = 0
        while not is_over.is_set():
            for blob in blobs.old(before=datetime.now(UTC) + HOUR):
                with lock:
                    is_named = references[blob.digest] > 0
                collected += not is_named and blobs.discard(blob)
        return collected

    def name_and_forget(seed: int) -> int:
        chance, named = Random(seed), 0
        for _ in range(300):
            content = chance.choice(contents)
            digest = hashlib.sha256(content).hexdigest()
            if chance.random() < 0.5:
                blobs.put(content)
            with lock:
                is_stored = blobs.touch(digest)
                references[digest] += is_stored
            if is_stored:
                with open_blob(blobs, digest) as file:
                    assert file.read() == content
                with lock:
                    references[digest] -= 1
                named += 1
        return named

    with ThreadPoolExecutor(5) as threads:
        collecting = threads.submit(collect)
        try:
            named = list(threads.map(name_and_forget, range(4)))
        finally:
            is_over.set()

    assert collecting.result() > 0
    assert min(named) > 0


def test_a_lease_follows_the_servers_clock_and_not_the_machines(tmp_path: Path) -> None:
    clock = StandingClock()
    blobs = FolderBlobs(tmp_path, clock=clock)
    blobs.put(CONTENT)

    def old() -> list[str]:
        return [blob.digest for blob in blobs.old(before=clock.now() - HOUR)]

    fresh = old()
    clock.advance(2 * HOUR)
    after_two_hours = old()
    blobs.touch(DIGEST)

    assert (fresh, after_two_hours, old()) == ([], [DIGEST], [])
