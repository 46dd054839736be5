"""While one pattern of a process cannot be read, nothing that it might take leaves it; the others hold."""

import json
from pathlib import Path

import pytest

from titan_sdk import Redact
from titan_sdk.recording.redact import built_in, leave_out_bodies

MISTAKES = [
    (None, "No such file or directory"),
    ("=", "Invalid statement"),
    ("broken = '('", "'broken': what RE2 refuses: missing )"),
    ("broken = 'x(?=y)'", "'broken': what RE2 refuses: invalid perl operator: (?="),
    ("broken = 5", "'broken': 5, no text"),
    ("[broken]\nx = 'y'", "'broken': {'x': 'y'}, no text"),
    ("\n".join(f"x{number} = 'y'" for number in range(101)), "101 patterns, over 100"),
]


def patterns(folder: Path, text: str | None) -> dict[str, str]:
    """Return an environment that names a file of patterns with this text; None: a file that is not there."""
    path = folder / "secrets.toml"
    if text is not None:
        path.write_text(text)
    return {"TITAN_REDACT_PATTERNS": str(path)}


def an_action() -> tuple[dict[str, object], dict[str, str]]:
    failure = {"type": "ValueError", "message": "no CUST", "traceback": "ValueError: no CUST"}
    details = {"thread": "worker", "attributes": {"city": "CUST"}, "exception": {"args": ["CUST"]}}
    payloads = {"inputs": '"CUST"', "outputs": '"CUST"', "details": json.dumps(details)}
    return {"type": "action", "name": "pay", "failure": failure}, payloads


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_no_content_is_recorded_while_a_pattern_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    environment = patterns(tmp_path, text)
    fields, payloads = an_action()

    for _ in range(2):
        leave_out_bodies(fields, payloads, environment)

    failure = {"type": "ValueError", "message": ""}
    assert fields == {"type": "action", "name": "pay", "failure": failure, "is_redacted": True}
    assert payloads == {"details": '{"thread": "worker"}'}
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"titan_sdk: TITAN_REDACT_PATTERNS={tmp_path / 'secrets.toml'}: ")
    assert said in line
    assert "inputs, outputs, messages of exceptions, tracebacks and details are not recorded" in line


def test_without_readable_patterns_an_exception_is_no_reason_of_a_run(tmp_path: Path) -> None:
    environment = patterns(tmp_path, "broken = '('")
    ended: dict[str, object] = {"type": "run", "end": "failed", "reason": "no CUST"}
    cancelled: dict[str, object] = {"type": "run", "end": "cancelled", "reason": "not needed"}
    payloads = {"details": '{"traceback": "ValueError: no CUST"}'}

    leave_out_bodies(ended, payloads, environment)
    leave_out_bodies(cancelled, {}, environment)

    assert (ended, payloads) == ({"type": "run", "end": "failed"}, {"details": "{}"})
    assert cancelled == {"type": "run", "end": "cancelled", "reason": "not needed"}


def test_patterns_that_can_be_read_hold_beside_one_that_cannot(tmp_path: Path) -> None:
    environment = patterns(tmp_path, "customer = 'CUST-[0-9]+'\nbroken = '('\nfrozen = 'x(?=y)'")

    for redactor in (built_in(environment), Redact(patterns={"order": "ORD[0-9]+"}).redactor(environment)):
        assert redactor is not None
        assert redactor.redact_text("CUST-7 " + "a" * 64).text == "[redacted:customer] " + "a" * 64


@pytest.mark.parametrize("text", ["", "customer = 'CUST'"])
def test_content_is_recorded_if_all_patterns_can_be_read(tmp_path: Path, text: str) -> None:
    fields, payloads = an_action()

    leave_out_bodies(fields, payloads, patterns(tmp_path, text))
    leave_out_bodies(fields, payloads, {})

    assert (fields, payloads) == an_action()
