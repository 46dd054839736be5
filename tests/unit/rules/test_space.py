"""When a disk counts as almost full."""

from titan.maintenance.disk_space import is_low, reserve_bytes

GIB = 1024**3


def test_the_reserve_is_the_configured_size_but_at_most_a_twentieth_of_the_disk() -> None:
    assert reserve_bytes(GIB, 100 * GIB) == GIB
    assert reserve_bytes(GIB, 10 * GIB) == GIB // 2
    assert reserve_bytes(0, 10 * GIB) == 0


def test_a_disk_is_low_below_its_reserve_and_until_a_tenth_more_is_free() -> None:
    assert not is_low(1000, reserve_bytes=1000, was_low=False)
    assert is_low(999, reserve_bytes=1000, was_low=False)
    assert is_low(1099, reserve_bytes=1000, was_low=True)
    assert not is_low(1100, reserve_bytes=1000, was_low=True)


def test_without_a_reserve_a_disk_is_never_low() -> None:
    assert not is_low(0, reserve_bytes=0, was_low=False)
    assert not is_low(0, reserve_bytes=0, was_low=True)
