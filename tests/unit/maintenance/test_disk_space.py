"""The watch over a disk says once that it is low, refuses meanwhile, and says once that it is not."""

from pathlib import Path

import pytest

from titan.maintenance.disk_space import Disk, SpaceWatch, disk_of
from titan.model.errors import StoreFull

GIB = 1024**3


class FakeDisk:
    """As large as it is said to be."""

    def __init__(self) -> None:
        self.free_bytes = 50 * GIB

    def __call__(self, _folder: Path) -> Disk:
        return Disk(free_bytes=self.free_bytes, total_bytes=100 * GIB)


def test_a_low_disk_is_announced_once_and_refuses_work_until_there_is_room() -> None:
    disk, told = FakeDisk(), list[bool]()
    watch = SpaceWatch(Path("home"), min_free_bytes=GIB, disk_of=disk)
    watch.listen(told.append)

    for free_bytes in (50 * GIB, GIB - 1, GIB // 2, GIB + 1):
        disk.free_bytes = free_bytes
        watch.look()
    with pytest.raises(
        StoreFull, match=r"POST /api/dags: expected 1126 MiB free .* \(`titan clean` deletes what is old\)"
    ):
        watch.check("POST /api/dags")
    disk.free_bytes = 2 * GIB
    watch.look()
    watch.check("POST /api/dags")

    assert told == [True, False]
    assert "has room again (2048 MiB free" in watch.state_text()


def test_a_watch_that_is_switched_off_never_refuses() -> None:
    disk = FakeDisk()
    watch = SpaceWatch(Path("home"), min_free_bytes=0, disk_of=disk)
    disk.free_bytes = 0

    watch.look()

    assert not watch.is_low


def test_a_real_disk_has_a_size(tmp_path: Path) -> None:
    disk = disk_of(tmp_path)

    assert 0 <= disk.free_bytes <= disk.total_bytes
