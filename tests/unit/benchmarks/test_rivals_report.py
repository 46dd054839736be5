"""The table and the picture of the rivals, and what is kept of a run."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

from benchmarks.rivals.catalogue import RIVALS
from benchmarks.rivals.environments import LOCKS
from benchmarks.rivals.plot import svg
from benchmarks.rivals.results import (
    Found,
    Measured,
    Pairs,
    Results,
    Sizes,
    merged,
    noise,
    read_results,
    speed,
    write_results,
)
from benchmarks.rivals.table import markdown, update_document
from tests.support.foreign import LOCKS as CLIENT_LOCKS
from tests.support.sources import ROOT

MACHINE = {
    "measured_at": "2026-11-21T15:00:00+00:00",
    "commit": "abc1234",
    "processor": "A processor",
    "cores": 2,
    "memory_gb": 25.3,
    "system": "Linux",
    "python": "3.11",
    "file_system": "ext4",
}


def measured(*, times_as_fast: float = 2.0) -> Measured:
    """Return three rounds in which the rival is so many times as fast as Titan."""
    titan = {"p50_ms": [10.0, 12.0, 14.0], "p99_ms": [20.0, 22.0, 24.0]}
    pairs = {name: {"titan": ours, "rival": [one / times_as_fast for one in ours]} for name, ours in titan.items()}
    rates: Pairs = {"titan": [100.0, 200.0, 300.0], "rival": [times_as_fast * one for one in (100.0, 200.0, 300.0)]}
    return {**pairs, "jobs_per_s": rates, "fan_jobs_per_s": rates}


def results(**found: Found) -> Results:
    return Results(machine=MACHINE, sizes=Sizes(), found=found)


def test_a_rival_that_takes_half_the_time_is_twice_as_fast() -> None:
    assert speed("p50_ms", measured()["p50_ms"]) == 2.0


def test_a_rival_that_does_twice_the_jobs_is_twice_as_fast() -> None:
    assert speed("jobs_per_s", measured()["jobs_per_s"]) == 2.0


def test_noise_is_that_of_the_paired_rounds_and_unknown_of_one_round() -> None:
    assert noise("p50_ms", {"titan": [4.0, 4.0, 4.0], "rival": [4.0, 2.0, 1.0]}) == 0.75
    assert noise("p50_ms", {"titan": [4.0], "rival": [2.0]}) is None


def test_a_row_shows_the_kind_of_job_durability_and_speed_beside_titan() -> None:
    table = markdown(results(dask=Found(version="1.0", load=3.5, measured={"function": measured()}))).splitlines()

    assert "| **Titan** | a process of its own, forked warm | yes: SQLite, fsync on | " in "\n".join(table)
    assert (
        "| **Dask distributed** 1.0 | a function in a resident thread | no: in memory | 6 ms (2x ± 0%) | "
        "11.0 ms (2x ± 0%) | 400 /s (2x ± 0%) | 400 /s (2x ± 0%) | 3 |"
    ) in table


def test_the_load_is_above_the_table() -> None:
    assert "Load before each: dask 3.5." in markdown(results(dask=Found(load=3.5, measured={"function": measured()})))


def test_a_rival_that_could_not_be_measured_is_a_row_with_the_reason() -> None:
    text = markdown(results(ray=Found(reason="ray: no wheel")))

    assert "| **Ray** | not measured: ray: no wheel |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1


def test_the_rivals_table_replaces_only_text_between_the_marks(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text("before\n<!-- rivals:begin -->\nold\n<!-- rivals:end -->\nafter\n", "utf-8")

    update_document(results(ray=Found(reason="none")), document)

    text = document.read_text("utf-8")
    assert text.startswith("before\n<!-- rivals:begin -->\n`make bench-rivals`, last at ")
    assert text.endswith("\n<!-- rivals:end -->\nafter\n")
    assert "old" not in text


def test_the_picture_has_a_bar_in_both_panels_for_titan_and_for_each_row() -> None:
    found = Found(version="1.0", measured={"function": measured(), "process": measured(times_as_fast=0.5)})

    picture = xml.etree.ElementTree.fromstring(svg(results(dask=found, ray=Found(reason="none"))))

    labels = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Titan", "Dask distributed*, function", "Dask distributed*, process"} <= set(labels)
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}rect"))) == 1 + 2 * 3 + 3  # ground, bars, legend


def test_a_picture_of_nothing_is_still_a_picture() -> None:
    assert xml.etree.ElementTree.fromstring(svg(results())).tag.endswith("svg")


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    kept = results(dask=Found(version="1.0", measured={"function": measured()}), ray=Found(reason="none"))

    write_results(kept, tmp_path / "rivals.json")

    assert read_results(tmp_path / "rivals.json") == kept
    assert read_results(tmp_path / "none.json") is None


def test_a_run_of_one_rival_keeps_the_rows_of_the_others_measured_with_the_same_sizes() -> None:
    before = results(dask=Found(version="1"), ray=Found(version="1"))
    now = results(ray=Found(version="2"))
    smaller = Results(machine=MACHINE, sizes=Sizes(fan=10), found={"ray": Found(version="2")})

    assert merged(before, now).found == {"dask": Found(version="1"), "ray": Found(version="2")}
    assert merged(before, smaller) == smaller
    assert merged(None, now) == now


def test_every_rival_has_a_lock_and_a_driver() -> None:
    for rival in RIVALS:
        assert (LOCKS / f"{rival.name}.lock").exists()
        assert (ROOT / f"benchmarks/rivals/drivers/{rival.name}_driver.py").exists()


def test_every_lock_names_hashes_and_no_address() -> None:
    for lock in (*LOCKS.glob("*.lock"), *CLIENT_LOCKS.glob("*.lock")):
        text = lock.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text
