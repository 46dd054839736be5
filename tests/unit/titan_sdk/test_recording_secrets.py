"""What waits on the disk for the server holds no secret, in whichever field of an entry it stood."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import titan_sdk
from tests.support.heard import FLUSH_SECONDS, Away, spooled
from titan.wire.actions import ActionBody, FailureBody, RunBody, UseBody
from titan_sdk import Redact, action
from titan_sdk.recording.entries import ID_LIMIT, NAME_LIMIT, TAG_LIMIT, Entry
from titan_sdk.recording.process import recording_to
from titan_sdk.recording.redact import built_in
from titan_sdk.redaction.patterns import VERSION

TEXT = '{"salary":"1","iban":"AT61","note":"CUST-123456 is KD7"}'
#: Words of the protocol and numbers: nobody's text.
WORDS = {"type", "kind", "outcome", "impact", "effect", "end", "cost_usd"}


class Secrets:
    """Secrets, each another one, and all that were given out."""

    def __init__(self) -> None:
        self._numbers = count()
        self.given: list[str] = []

    def __call__(self) -> str:
        number = next(self._numbers)
        self.given.append("AKIA" + "".join(chr(ord("A") + int(digit)) for digit in f"{number:016}"))
        return self.given[-1]

    def within(self, content: bytes) -> list[str]:
        """Return those that stand in `content`."""
        return [secret for secret in self.given if secret.encode() in content]


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


class LeftOnDisk(Away):
    """What a program leaves on the disk of a machine whose server is away."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @property
    def content(self) -> bytes:
        """Every byte of it, names of files too."""
        assert self.recorder.flush(FLUSH_SECONDS)
        return b"".join(path.name.encode() + path.read_bytes() for path in sorted(self.folder.iterdir()))

    @property
    def kept(self) -> list[dict[str, Any]]:
        assert self.recorder.flush(FLUSH_SECONDS)
        return spooled(self.folder)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[LeftOnDisk]:
    away = LeftOnDisk(tmp_path / "spool")
    with recording_to(away.recorder):
        yield away
    away.recorder.close(FLUSH_SECONDS)


def idle() -> None:
    """Do nothing."""


def whole_entry(body: type[ActionBody | RunBody], secrets: Secrets) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields and payloads of an entry that has a secret in every text that the wire knows."""
    fields: dict[str, Any] = {"type": "action" if body is ActionBody else "run"}
    payloads: dict[str, str] = {}
    for name in body.__struct_fields__:
        hint = str(body.__annotations__[name])
        if name in WORDS:
            continue
        if "Raw" in hint:
            payloads[name] = json.dumps({f"at {secrets()}": {"deep": [f"so {secrets()} it is"]}})
        elif name in ("failure", "use"):
            fields[name] = {
                part: f"a {secrets()} b" for part in texts_of(FailureBody if name == "failure" else UseBody)
            }
        elif name == "tags":
            fields[name] = [f"tag {secrets()}", f"tag {secrets()}"]
        elif is_text(body, name):
            fields[name] = f"in {secrets()}"
    return fields, payloads


def texts_of(body: type[Any]) -> list[str]:
    return [name for name in body.__struct_fields__ if is_text(body, name)]


def is_text(body: type[Any], name: str) -> bool:
    hint = get_type_hints(body)[name]
    return hint is str or str in get_args(hint)


@pytest.mark.parametrize("body", [ActionBody, RunBody])
def test_no_text_that_the_wire_knows_keeps_its_secret_on_the_way_to_the_disk(
    body: type[ActionBody | RunBody], secrets: Secrets
) -> None:
    fields, payloads = whole_entry(body, secrets)

    text = Entry(fields, payloads).text(built_in())

    assert len(secrets.given) >= (18 if body is ActionBody else 7)
    assert secrets.within(text.encode()) == []
    assert set(json.loads(text)) - {"is_redacted", "redaction_version"} == {*fields, *payloads} - {"redaction_version"}


def test_the_spool_holds_no_secret_of_any_recorded_entry(away: LeftOnDisk, secrets: Secrets) -> None:
    failure = type(f"E{secrets()}"[1:], (Exception,), {})  # some libraries name classes for what they were given
    with titan_sdk.run(
        agent_id=f"agent {secrets()}",
        run_id=f"run-{secrets()}",
        session_id=f"session-{secrets()}",
        name=f"name {secrets()}",
        tags=[secrets()],
    ):
        with titan_sdk.turn(f"said {secrets()}", name=secrets(), actor=secrets(), tags=[secrets()]) as turn:
            turn.set_output({secrets(): f"as {secrets()}".encode()})
        with action(f"GET /{secrets()}", kind="model", actor=f"actor {secrets()}", tags=[secrets()]) as act:
            act.tag(f"more {secrets()}")
            act.set_input(secrets(), [{"deep": (secrets(),)}], keyword={secrets(): 1})
            act.set_use(model=f"m {secrets()}", provider=f"p {secrets()}", response_id=f"r-{secrets()}")
        with pytest.raises(failure), action("fails", redact=Redact(fields=["iban"])):
            raise failure(f"message {secrets()}", {"argument": secrets()})
        for tell in (titan_sdk.thinking, titan_sdk.event):
            tell(f"of {secrets()}")
        titan_sdk.event("named", {secrets(): [secrets()]})
        titan_sdk.handoff(f"to {secrets()}", reason=f"for {secrets()}")
        titan_sdk.progress(1, 2)
        thread = threading.Thread(target=action(idle), name=f"thread {secrets()}")
        thread.start()
        thread.join()
    with pytest.raises(ValueError, match="AKIA"), titan_sdk.run(run_id="R_2"):
        raise ValueError(f"reason {secrets()}")

    assert len(away.kept) >= 12
    assert secrets.within(away.content) == []


def test_entries_of_one_run_stay_together_with_a_secret_in_its_id(away: LeftOnDisk, secrets: Secrets) -> None:
    for run_id in (f"run-{secrets()}", f"run-{secrets()}"):
        with titan_sdk.run(run_id=run_id), action("outer"), action("inner"):
            pass

    runs = [entry["run_id"] for entry in away.kept if "program" not in entry]
    first, second = dict.fromkeys(runs)
    assert (runs.count(first), runs.count(second)) == (4, 4)
    assert all(run_id.startswith("run-[redacted:aws_key_id]-") for run_id in (first, second))


def test_ids_are_sent_unchanged_while_the_server_is_there(secrets: Secrets) -> None:
    run_id = f"run-{secrets()}"
    told = Entry({"type": "action", "id": "4111111111111111", "name": "a", "run_id": run_id}, redactor=built_in())

    assert json.loads(told.text())["run_id"] == run_id
    assert json.loads(told.text(built_in()))["id"] == "4111111111111111"


def test_text_that_is_longer_after_redaction_still_fits_the_wire_limits() -> None:
    fields: dict[str, object] = {
        "type": "run",
        "run_id": "pwd=hunter2a " + "r" * (ID_LIMIT - 13),
        "name": "n" * (NAME_LIMIT - 13) + " pwd=hunter2a",
        "tags": ["t" * (TAG_LIMIT - 13) + " pwd=hunter2a"],
        "at_ns": 1,
    }

    clean = json.loads(Entry(fields).text(built_in()))

    assert (len(clean["run_id"]), len(clean["name"]), len(clean["tags"][0])) == (ID_LIMIT, NAME_LIMIT, TAG_LIMIT)
    assert "hunter2a" not in str(clean)


def test_own_patterns_and_fields_hold_too_and_fields_are_those_of_the_data(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('customer = "CUST-[0-9]{6}"\n')
    told = Entry({"type": "action", "id": "a", "name": "look up CUST-123456"}, {"inputs": '{"name":"Ann"}'})

    text = told.text(built_in({"TITAN_REDACT_PATTERNS": str(path), "TITAN_REDACT_FIELDS": "name"}))

    assert json.loads(text) == {
        "type": "action",
        "id": "a",
        "name": "look up [redacted:customer]",
        "inputs": {"name": "[redacted:name]"},
        "is_redacted": True,
        "redaction_version": VERSION,
    }


def test_the_redaction_of_an_action_adds_to_that_of_its_process(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('customer = "CUST-[0-9]{6}"\n')
    process = {"TITAN_REDACT_PATTERNS": str(path), "TITAN_REDACT_FIELDS": "salary"}
    own = Redact(fields=["iban"], patterns={"customer": "KD[0-9]+"})  # the name of a pattern of the process

    [clean] = [redactor.redact_json(TEXT) for redactor in [own.redactor(process)] if redactor is not None]

    assert json.loads(clean.text) == {
        "salary": "[redacted:salary]",
        "iban": "[redacted:iban]",
        "note": "[redacted:customer] is [redacted:customer]",
    }


def test_the_patterns_of_a_process_hold_where_an_action_has_none_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text('customer = "CUST-[0-9]{6}"\n')

    redactor = Redact(errors=True).redactor({"TITAN_REDACT_PATTERNS": str(path)})

    assert redactor is not None
    assert redactor.redact_text("CUST-123456").text == "[redacted:customer]"
    assert Redact(errors=True).redactor({}) is None


@pytest.mark.parametrize("content", [None, "=", 'broken = "("'])
def test_patterns_that_cannot_be_read_are_said_and_the_others_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secrets: Secrets, content: str | None
) -> None:
    path = tmp_path / "secrets.toml"
    if content is not None:
        path.write_text(content)

    clean = built_in({"TITAN_REDACT_PATTERNS": str(path)}).redact_text(secrets())

    assert clean.text == "[redacted:aws_key_id]"
    assert f"titan_sdk: TITAN_REDACT_PATTERNS={path}: " in capsys.readouterr().err


@pytest.mark.parametrize("number", ["4111111111111111", "4111111111111111.0", "4.111111111111111E15"])
def test_a_card_number_as_the_whole_output_is_redacted_and_the_entry_stays_json(number: str) -> None:
    text = Entry({"type": "action", "id": "a"}, {"outputs": number}).text(built_in({}))

    assert json.loads(text)["outputs"] == "[redacted:card]"
