"""A worker tells how busy its machine is, where the system says so."""

from pathlib import Path

from titan.worker.machine import Machine

LINUX = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    6000 kB\nHugePages_Total:       0\n"


def test_used_memory_is_what_is_not_available(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(LINUX)

    load = Machine(tmp_path / "meminfo").load()

    assert load is not None
    assert (load.memory_used_bytes, load.memory_total_bytes) == (10_000 * 1024, 16_000 * 1024)
    assert load.cores >= 1
    assert load.average_1m >= 0


def test_what_the_system_does_not_say_is_left_out(tmp_path: Path) -> None:
    load = Machine(tmp_path / "missing").load()

    assert load is not None
    assert (load.memory_used_bytes, load.memory_total_bytes) == (None, None)


def test_the_machine_is_not_looked_at_for_every_request(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "missing")

    assert machine.load() is machine.load()
