"""What a person does with one recorded run at the command line: ends it, notes, verifies, keeps, deletes it."""

from __future__ import annotations

import re
import subprocess
from itertools import count

import pytest

from tests.integration.cli.test_recorded_runs import a_run, an_action, record
from tests.support.command_line import PROGRAM, CommandLine
from tests.support.running_titan import RunningTitan
from tests.support.terminal import on_a_terminal

ODD = "a/b c?d#e ü"
_numbers = count(1)


@pytest.fixture
def running(server: RunningTitan) -> str:
    """A run that goes on, with two calls."""
    run = f"going-{next(_numbers)}"
    calls = an_action("g1", "search", kind="tool"), an_action("g2", "ask", kind="model", after=1)
    record(server.sdk_port, run, a_run(run, agent_id="GOING", end=None, done=1, total=10), *calls)
    return run


@pytest.fixture
def ended(server: RunningTitan) -> str:
    run = f"ended-{next(_numbers)}"
    record(server.sdk_port, run, a_run(run, agent_id="ENDED"), an_action("e1", "search", kind="tool"))
    return run


def test_a_run_whose_program_was_killed_is_ended_by_hand(titan: CommandLine, running: str) -> None:
    done = titan("runs", "edit", running, "--end", "failed", "--reason", "killed -9")

    assert done.exit_code == 0
    assert re.fullmatch(rf"{running} ended [0-9:]+ \(\w+\), failed: killed -9\.", done.text.strip())
    assert titan("runs", "show", running).lines[0] == f"Run {running}  failed  killed -9"


def test_a_reported_end_is_not_overwritten(titan: CommandLine, ended: str) -> None:
    def shown() -> object:
        run = titan("runs", "show", ended, "--json").document["run"]
        assert isinstance(run, dict)
        return {**run, "determinism": None}  # the server computes it in the background

    before = shown()

    same = titan("runs", "edit", ended, "--end", "completed")
    other = titan("runs", "edit", ended, "--end", "failed")

    assert (same.exit_code, other.exit_code, other.stdout) == (0, 5, b"")
    assert re.search(
        r"found one that ended at [0-9T:.+-]+, completed\. A reported end cannot be changed\.", other.stderr
    )
    assert "titan runs note RUN TEXT" in other.stderr
    assert shown() == before


@pytest.mark.parametrize("score", ["nan", "inf"])
def test_a_score_that_is_no_number_is_refused(titan: CommandLine, ended: str, score: str) -> None:
    done = titan("runs", "note", ended, "so so", "--score", score)

    assert (done.exit_code, done.stdout) == (2, b"")
    assert done.stderr == f"titan: --score: expected a finite number; found {score}. For example 0.4.\n"


def test_notes_and_scores_are_said_and_shown(titan: CommandLine, ended: str) -> None:
    titan("runs", "note", ended, "too slow", "--action", "e1")
    scored = titan("runs", "note", ended, "--score", "0.25", "--name", "quality")
    refused = titan("runs", "note", ended)
    shown = titan("runs", "show", ended)
    notes = titan("runs", "show", ended, "--json").document["notes"]

    assert scored.text.rstrip().endswith(": quality 0.25")
    assert refused.exit_code == 5
    assert "expected a text or a score" in refused.stderr
    said = [line for line in shown.lines if line.startswith("note by ")]
    assert said[0].endswith(": quality 0.25")
    assert said[1].endswith(", on search: too slow")
    assert isinstance(notes, list)
    assert [note["score"] for note in notes] == [0.25, None]


def test_a_run_that_needs_attention_is_acknowledged_with_a_reason(
    titan: CommandLine, ended: str, server: RunningTitan
) -> None:
    well = titan("runs", "note", ended, "fine", "--acknowledge")
    record(server.sdk_port, ended, an_action("e2", "fetch", kind="tool", outcome="error"))
    said = titan("runs", "note", ended, "known: the site was down", "--acknowledge")
    refused = titan("runs", "note", ended, "--acknowledge")

    assert well.exit_code == 5
    assert "expected one in which something went wrong" in well.stderr
    assert said.text.startswith("acknowledged by ")
    assert said.text.rstrip().endswith(": known: the site was down")
    assert refused.exit_code == 5
    assert "expected a text that says why" in refused.stderr
    assert any(line.startswith("acknowledged by ") for line in titan("runs", "show", ended).lines)


def test_a_note_acknowledges_a_run_or_mutes_it_but_not_both(titan: CommandLine, ended: str) -> None:
    done = titan("runs", "note", ended, "known", "--acknowledge", "--mute")

    assert (done.exit_code, done.stdout) == (2, b"")
    assert "option --mute: expected one of --acknowledge and --mute; found both." in done.stderr
    assert "known" not in titan("runs", "show", ended).text


def test_a_run_is_muted_with_a_reason_and_unmuted(titan: CommandLine, ended: str) -> None:
    said = titan("runs", "note", ended, "a rehearsal", "--mute")
    refused = titan("runs", "note", ended, "--mute")
    shown = titan("runs", "show", ended).lines

    assert said.text.startswith("muted by ")
    assert refused.exit_code == 5
    assert "expected a text that says why" in refused.stderr
    assert [line for line in shown if "muted by" in line and line.endswith(": a rehearsal")]

    unmuted, again = titan("runs", "edit", ended, "--unmute"), titan("runs", "edit", ended, "--unmute", "--json")

    assert unmuted.lines[0] == f"{ended} is not muted any more."
    assert unmuted.lines[1].startswith("Deleted: muted by ")
    assert again.document == {"run_id": ended, "deleted": [], "acknowledged": None}
    assert titan("runs", "edit", ended, "--unmute").text == f"{ended} was not muted.\n"
    assert "muted by" not in titan("runs", "show", ended).text


def test_a_run_that_is_unmuted_says_that_it_is_still_acknowledged(
    titan: CommandLine, ended: str, server: RunningTitan
) -> None:
    record(server.sdk_port, ended, an_action("e2", "fetch", kind="tool", outcome="error"))
    for words in (["known", "--acknowledge"], ["a rehearsal", "--mute"], ["and another", "--mute"]):
        titan("runs", "note", ended, *words)

    unmuted, shown = titan("runs", "edit", ended, "--unmute"), titan("runs", "show", ended)

    assert unmuted.lines[0] == f"{ended} is not muted any more."
    assert [line.rsplit(": ", 1)[1] for line in unmuted.lines[1:]] == ["and another", "a rehearsal", "known"]
    assert unmuted.lines[-1].startswith("Still acknowledged by ")
    assert ("muted by" in shown.text, "acknowledged by" in shown.text) == (False, True)


def test_progress_is_shown_while_a_run_is_active(titan: CommandLine, running: str) -> None:
    assert "10 % · 1 of 10" in titan("runs", "show", running).lines[1]

    titan("runs", "edit", running, "--end", "failed")

    assert "of 10" not in titan("runs", "show", running).text


def test_a_recording_is_verified(titan: CommandLine, ended: str) -> None:
    done = titan("runs", "show", ended, "--verify")

    assert done.exit_code == 0
    assert re.fullmatch(rf"{ended} is what was recorded: 2 entries, link [0-9a-f]{{64}}\.\n", done.text)
    assert titan("runs", "show", ended, "--verify", "--json").document["verified"] is True


def test_a_pinned_run_is_not_deleted(titan: CommandLine, ended: str) -> None:
    pinned, refused = titan("runs", "edit", ended, "--pin"), titan("runs", "delete", ended, "--yes")
    unpinned, again = titan("runs", "edit", ended, "--no-pin"), titan("runs", "edit", ended, "--pin")
    shown = titan("runs", "show", ended).lines[1]
    titan("runs", "edit", ended, "--no-pin")

    assert pinned.text == again.text == f"{ended} is pinned: nothing of it is deleted.\n"
    assert unpinned.text == f"{ended} is not pinned: it is deleted when it is old enough.\n"
    assert shown.endswith(" · pinned")
    assert (refused.exit_code, "titan runs edit RUN --no-pin" in refused.stderr) == (5, True)


def test_a_run_is_archived_and_restored(titan: CommandLine, ended: str) -> None:
    archived = titan("runs", "edit", ended, "--archive")
    listed = titan("runs", "--agent", "ENDED").text
    restored = titan("runs", "edit", ended, "--no-archive")

    assert archived.text == f"{ended} is archived. Bring it back with: titan runs edit {ended} --no-archive\n"
    assert ended not in listed
    assert restored.text == f"{ended} is in the lists again.\n"
    assert ended in titan("runs", "--agent", "ENDED").text


def test_a_run_is_deleted_only_when_somebody_says_yes(titan: CommandLine, ended: str) -> None:
    unasked = subprocess.run(
        [*PROGRAM, "runs", "delete", ended, "--server", titan.server],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    with on_a_terminal([*PROGRAM, "runs", "delete", ended, "--server", titan.server]) as program:
        program.read_until(f"Delete {ended} with 1 action for good?")
        program.answer("n")
        declined = program.finish()
    kept = titan("runs", "show", ended)
    done = titan("runs", "delete", ended, "--yes")

    assert (unasked.returncode, "expected --yes, where nobody can be asked" in unasked.stderr) == (2, True)
    assert "Nothing was deleted." in program.text
    assert (declined, kept.exit_code) == (130, 0)
    assert done.text == f"Deleted {ended}: 1 action, and all that was recorded of them.\n"
    assert titan("runs", "show", ended).exit_code == 3


def test_an_active_run_is_deleted_after_its_end(titan: CommandLine, running: str) -> None:
    refused = titan("runs", "delete", running, "--yes")

    assert refused.exit_code == 5
    assert "(titan runs edit RUN --end failed)" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["edit", "--end", "failed"],
        ["note"],
        ["show", "--verify"],
        ["edit", "--pin"],
        ["edit", "--no-archive"],
        ["edit", "--unmute"],
        ["delete", "--yes"],
    ],
)
def test_an_unknown_run_is_refused_with_suggestions_when_a_run_is_changed(
    titan: CommandLine, ended: str, words: list[str]
) -> None:
    said = ["hm"] if words == ["note"] else []
    part = ended[:-1].upper()

    done = titan("runs", words[0], part, *said, *words[1:])

    assert (done.exit_code, done.stdout) == (3, b"")
    assert "Did you mean ended-" in done.stderr


def test_an_id_may_be_any_text(server: RunningTitan, titan: CommandLine) -> None:
    record(server.sdk_port, ODD, a_run(ODD, agent_id="ODD"), an_action("o1", "search", kind="tool"))

    shown, noted = titan("runs", "show", ODD), titan("runs", "note", ODD, "odd")
    verified, deleted = titan("runs", "show", ODD, "--verify"), titan("runs", "delete", ODD, "--yes")

    assert shown.lines[0] == f"Run {ODD}  completed"
    assert [noted.exit_code, verified.exit_code, deleted.exit_code] == [0, 0, 0]


@pytest.mark.parametrize("words", [["jobs", "show", "a/b"], ["dags", "show", "a/b"], ["runs", "show", "a/b"]])
def test_an_unknown_name_with_a_slash_is_not_found(titan: CommandLine, words: list[str]) -> None:
    assert titan(*words).exit_code == 3
