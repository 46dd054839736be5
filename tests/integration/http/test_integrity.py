"""Verifying what was recorded of a run, while the server works: whole, changed in the database, its blobs changed."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.raw_http import ask, ask_json, given
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.submissions import a_name
from tests.support.tampering import change_calls

AT_NS = 1_772_366_400_000_000_000


@pytest.fixture(scope="module")
def titan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTitan]:
    with running_titan(tmp_path_factory.mktemp("tapes") / "home", offers=()) as titan:
        yield titan


def a_run(port: int, *, large: str = "words ") -> tuple[str, str]:
    """Record a run with a small and a large payload; return its id, and the digest of the large one."""
    run_id = a_name("run")
    text = large * 20_000
    call = {"type": "action", "kind": "tool", "started_at_ns": AT_NS, "ended_at_ns": AT_NS}
    entries = [
        {**call, "id": "a1", "name": "small", "outputs": run_id},
        {**call, "id": "a2", "name": "large", "outputs": text},
        {"type": "run", "at_ns": AT_NS + 1, "end": "completed"},
    ]
    answer = ask_json(port, "POST", "/api/v1/actions", {"run_id": run_id, "entries": entries})
    assert answer.status == 200, answer.body
    return run_id, sha256(f'"{text}"'.encode()).hexdigest()


def chain(port: int, run: str) -> dict[str, object]:
    found: dict[str, object] = given(port, f"/api/v1/runs/{run}/chain")
    return found


def blob_of(home: Path, digest: str) -> Path:
    """Return the one file that keeps a blob."""
    [file] = (path for path in home.rglob(f"*{digest[-50:]}*") if path.is_file())
    return file


def test_a_recording_is_verified_and_its_link_covers_all_of_it(titan: RunningTitan) -> None:
    run, _ = a_run(titan.sdk_port)

    before = chain(titan.sdk_port, run)
    late = {"run_id": run, "entries": [{"type": "action", "id": "b", "name": "late", "started_at_ns": AT_NS}]}
    ask_json(titan.sdk_port, "POST", "/api/v1/actions", late)
    after = chain(titan.sdk_port, run)

    assert (before["run_id"], before["verified"], before["entries"], before["broken"]) == (run, True, 3, None)
    assert (after["verified"], after["entries"]) == (True, 4)
    assert before["link"] != after["link"]
    assert len(str(before["link"])) == 64


def test_a_changed_row_is_named_with_its_action(titan: RunningTitan) -> None:
    run, _ = a_run(titan.sdk_port)
    change_calls(titan.home, "update bodies set outputs = '\"TAMPERED\"' where outputs = ?", [f'"{run}"'])

    found = chain(titan.sdk_port, run)

    assert found["verified"] is False
    assert found["broken"] == {"entry": 1, "action_id": "a1", "found": "it is not what was recorded"}


@pytest.mark.parametrize(("is_gone", "found"), [(True, "is gone"), (False, "is not what was recorded")])
def test_a_large_payload_that_was_changed_or_deleted_is_named(titan: RunningTitan, is_gone: bool, found: str) -> None:
    run, digest = a_run(titan.sdk_port, large=a_name("word"))
    file = blob_of(titan.home, digest)
    if is_gone:
        file.unlink()
    else:
        file.chmod(0o600)
        file.write_text("something else")

    broken = chain(titan.sdk_port, run)["broken"]

    assert broken == {"entry": 2, "action_id": "a2", "found": f"its content, blob {digest}, {found}"}


def test_the_recording_of_an_unknown_run_is_not_found(titan: RunningTitan) -> None:
    assert ask(titan.sdk_port, "GET", "/api/v1/runs/nobody/chain").refusal == (404, "UnknownRun")
