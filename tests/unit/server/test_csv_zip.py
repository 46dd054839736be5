"""A zip of runs.csv and actions.csv: what it holds, that no spreadsheet runs it, and that it is never held whole."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace

from tests.support.builders import NOON
from tests.unit.insight.test_export import ACTION, BODIES, NOTE, OF_ACTION, RUN, an_export, the_rows
from titan.insight.bodies import Bodies
from titan.insight.export import ExportedRun
from titan.insight.export_csv import ACTIONS_HEADER, RUNS_HEADER
from titan.model.actions import Payload
from titan.model.runs import Action
from titan.server.csv_zip import SPOOL_BYTES, csv_zip


def pieces_of(runs: Iterable[ExportedRun], home: Path) -> Iterator[bytes]:
    return csv_zip(runs, exported_at=NOON, filters={"status": "failed"}, home=str(home))


def the_zip(home: Path, *runs: ExportedRun) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces_of(runs, home))))
    assert archive.testzip() is None
    return archive


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline=""), strict=True))


def manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(archive.read("manifest.json"))
    return told


def test_two_tables_hold_what_the_one_holds(tmp_path: Path) -> None:
    whole = an_export((ACTION, BODIES), (replace(ACTION, id="a2"), Bodies()), notes=[NOTE, OF_ACTION])

    archive = the_zip(tmp_path, whole)

    [run], actions = table(archive, "runs.csv"), table(archive, "actions.csv")
    assert (tuple(run), tuple(actions[0])) == (RUNS_HEADER, ACTIONS_HEADER)
    of_run = {name if name == "run_id" else f"run_{name}": value for name, value in run.items()}
    assert [of_run | action for action in actions] == the_rows(whole)


def test_its_manifest_counts_what_it_holds_and_has_digests_of_it(tmp_path: Path) -> None:
    bare = an_export(run=replace(RUN, id="bare"))

    archive = the_zip(tmp_path, an_export((ACTION, BODIES), notes=[NOTE, OF_ACTION]), bare)

    told = manifest(archive)
    assert (told["exported_at"], told["filters"]) == ("2026-03-01T12:00:00Z", {"status": "failed"})
    assert told["counts"] == {"runs": 2, "actions": 1, "notes": 2}
    assert [row["run_id"] for row in table(archive, "runs.csv")] == ["run-1", "bare"]
    for name, rows in (("runs.csv", 2), ("actions.csv", 1)):
        content = archive.read(name)
        digest = hashlib.sha256(content).hexdigest()
        assert told["files"][name] == {"rows": rows, "size_bytes": len(content), "sha256": digest}


def test_of_nothing_it_has_two_tables_without_rows(tmp_path: Path) -> None:
    archive = the_zip(tmp_path)

    assert archive.namelist() == ["actions.csv", "runs.csv", "manifest.json"]
    assert (table(archive, "runs.csv"), table(archive, "actions.csv")) == ([], [])
    assert manifest(archive)["counts"] == {"runs": 0, "actions": 0, "notes": 0}


def test_no_text_in_it_is_a_formula(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://evil",A1)'
    run = replace(RUN, id=evil, name=evil)

    archive = the_zip(tmp_path, an_export((replace(ACTION, run_id=evil, name=evil), Bodies()), run=run))

    [of_run], [action] = table(archive, "runs.csv"), table(archive, "actions.csv")
    assert {of_run["run_id"], of_run["name"], action["run_id"], action["action"]} == {f"'{evil}"}


def test_actions_go_out_before_the_last_is_asked_for(tmp_path: Path) -> None:
    asked, random = 0, Random(1)

    def actions() -> Iterator[tuple[Action, Bodies]]:
        nonlocal asked
        for asked in range(1, 101):
            noise = Payload(json.dumps(random.randbytes(20_000).hex()))
            yield replace(ACTION, id=f"a{asked}"), Bodies(outputs=noise)

    sent = [(len(piece), asked) for piece in pieces_of([ExportedRun(run=RUN, actions=actions())], tmp_path)]

    assert max(size for size, _ in sent) < 100_000
    assert next(place for size, place in sent if size) < 5


def test_more_runs_than_are_held_wait_on_the_disk(tmp_path: Path) -> None:
    name = "x" * 10_000
    count = SPOOL_BYTES // len(name) + 10
    runs = (an_export(run=replace(RUN, id=f"run-{place}", name=name)) for place in range(count))

    archive = the_zip(tmp_path, *runs)

    assert [row["run_id"] for row in table(archive, "runs.csv")] == [f"run-{place}" for place in range(count)]
    assert list(tmp_path.iterdir()) == []


def test_whoever_leaves_while_it_is_written_leaves_nothing_behind(tmp_path: Path) -> None:
    pieces = pieces_of([an_export((ACTION, BODIES))], tmp_path)

    next(pieces)
    pieces.close()  # type: ignore[attr-defined]  # it is a generator

    assert list(tmp_path.iterdir()) == []
