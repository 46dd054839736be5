"""No secret of an entry is stored, wherever it stands, and what holds none is left as it is."""

import json

import pytest
from msgspec.structs import replace

from tests.support.recorded import a_call, a_word
from titan.model.actions import SHARED_MARK, ActionEntry, Failure, ModelUse, Payload, RunEntry
from titan.rules.redaction import LONGEST_CACHED, MAX_NOTED, EntryRedactor, make_redactor

KEY = b"0123456789abcdef0123456789abcdef"
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
REDACTOR = EntryRedactor(make_redactor(key=KEY))


def cleaned(entry: ActionEntry, redactor: EntryRedactor = REDACTOR) -> ActionEntry:
    """Return the clean entry."""
    clean = redactor.clean(entry)
    assert isinstance(clean, ActionEntry)
    return clean


def test_an_entry_without_secrets_is_returned_unchanged() -> None:
    call = replace(a_call(error="nope"), inputs=Payload('["a"]'), outputs=Payload(SHARED_MARK, ('"b"',)), details="{}")
    word = replace(a_word(name="hunt", reason="done"), details='{"a":1}')

    assert REDACTOR.clean(call) is call
    assert REDACTOR.clean(word) is word
    assert REDACTOR.clean(a_word()) == a_word()


def test_an_entry_that_only_resembles_a_secret_is_returned_unchanged() -> None:
    for text in ('{"password":null}', '"sk-"', '"Bearer of news"', '"4111 1111"'):
        call = replace(a_call(), inputs=Payload(text))

        assert REDACTOR.clean(call) is call


@pytest.mark.parametrize("number", ["4111111111111111", "4111111111111111.0", "4.111111111111111E15", "4.2e15"])
def test_a_card_that_is_all_of_a_payload_is_taken(number: str) -> None:
    clean = cleaned(replace(a_call(), outputs=Payload(number)))

    assert clean.outputs == Payload('"[redacted:card]"')
    assert [(one.path, one.name) for one in clean.redacted] == [("outputs", "card")]


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (replace(a_call(), inputs=Payload(json.dumps({"q": SECRET}))), "inputs.q"),
        (replace(a_call(), outputs=Payload(json.dumps([SECRET]))), "outputs[0]"),
        (
            replace(a_call(), inputs=Payload(SHARED_MARK, ('"a"', json.dumps({"content": SECRET})))),
            "inputs.*[1].content",
        ),
        (replace(a_call(), details=json.dumps({"callsite": SECRET})), "details.callsite"),
        (a_call(error=f"no {SECRET}"), "failure.message"),
        (replace(a_call(), failure=Failure(type="E", traceback=SECRET)), "failure.traceback"),
        (a_call(name=f"GET /{SECRET}"), "name"),
        (a_call(id=SECRET), "id"),
        (a_call(run_id=f"run of {SECRET}"), "run_id"),
        (a_call(parent_id=SECRET), "parent_id"),
        (replace(a_call(), actor=SECRET), "actor"),
        (replace(a_call(), tags=("a", SECRET)), "tags[1]"),
        (replace(a_call(), failure=Failure(type=SECRET)), "failure.type"),
        (a_call(use=ModelUse(model=SECRET)), "use.model"),
        (a_call(use=ModelUse(provider=SECRET)), "use.provider"),
        (a_call(use=ModelUse(response_id=SECRET)), "use.response_id"),
        (a_call(name=f"{'x ' * LONGEST_CACHED}{SECRET}"), "name"),
    ],
)
def test_a_secret_is_taken_out_and_its_place_noted(entry: ActionEntry, path: str) -> None:
    for clean in (cleaned(entry), cleaned(entry)):
        assert SECRET not in repr(clean)
        assert [redacted.path for redacted in clean.redacted] == [path]


@pytest.mark.parametrize(
    "word",
    [
        a_word(reason=f"no {SECRET}"),
        a_word(name=f"Use {SECRET}"),
        replace(a_word(), details=json.dumps({"token": SECRET})),
        a_word(run_id=SECRET),
        a_word(agent_id=SECRET),
        a_word(session_id=SECRET),
        replace(a_word(), parent_run_id=SECRET, forked_at_action_id=SECRET),
        a_word(tags=(SECRET,)),
    ],
)
def test_secrets_in_words_about_a_run_are_redacted(word: RunEntry) -> None:
    assert SECRET not in repr(REDACTOR.clean(word))


def test_ids_that_held_a_secret_are_as_equal_and_as_different_as_before() -> None:
    parent = cleaned(a_call(id=f"1 {SECRET}", run_id=SECRET))
    child = cleaned(a_call(id=f"2 {SECRET}", run_id=SECRET, parent_id=f"1 {SECRET}"))
    run = REDACTOR.clean(a_word(run_id=SECRET, agent_id=f"1 {SECRET}"))

    assert child.parent_id == parent.id != child.id
    assert child.run_id == parent.run_id == run.run_id == REDACTOR.known_as(SECRET)
    assert REDACTOR.clean(child) is child
    assert REDACTOR.known_as("R_1") == "R_1"


def test_an_id_of_digits_is_no_card() -> None:
    call = a_call(id="4111111111111111")

    assert REDACTOR.clean(call) is call


def test_equal_secrets_have_equal_fingerprints_in_every_field() -> None:
    clean = cleaned(replace(a_call(error=SECRET), inputs=Payload(json.dumps([SECRET])), details=json.dumps([SECRET])))

    assert len(clean.redacted) == 3
    assert len({redacted.fingerprint for redacted in clean.redacted}) == 1


def test_a_long_piece_is_read_though_it_is_not_remembered() -> None:
    long = json.dumps(["x" * LONGEST_CACHED, SECRET])

    assert SECRET not in repr(cleaned(replace(a_call(), inputs=Payload(SHARED_MARK, (long,)))))


def test_no_more_places_are_noted_than_somebody_reads() -> None:
    clean = cleaned(replace(a_call(), inputs=Payload(json.dumps([SECRET] * (MAX_NOTED + 5)))))

    assert SECRET not in repr(clean)
    assert len(clean.redacted) == MAX_NOTED


def test_without_bodies_nothing_of_them_is_left() -> None:
    redactor = EntryRedactor(make_redactor(key=KEY), keeps_content=False)
    full = replace(
        a_call(), inputs=Payload("1"), outputs=Payload("2"), failure=Failure(type="E", message="m", traceback="t")
    )

    clean = cleaned(full, redactor)

    assert clean == replace(full, inputs=None, outputs=None, failure=Failure(type="E", message="m"))
    assert cleaned(a_call(), redactor) == a_call()


def test_without_content_capture_details_lose_their_content_too() -> None:
    redactor = EntryRedactor(make_redactor(key=KEY), keeps_content=False)
    details = json.dumps({"task_id": "t", "events": ["asked"], "attributes": {"langfuse.trace.input": "asked"}})
    word = replace(a_word(), details=details)

    assert cleaned(replace(a_call(), details=details), redactor).details == '{"task_id":"t"}'
    assert redactor.clean(word) == replace(word, details='{"task_id":"t"}')
    assert REDACTOR.clean(word) is word


def test_a_text_beside_entries_loses_its_secrets_too() -> None:
    assert REDACTOR.without_secrets(f"it used {SECRET}") == "it used [redacted:github_token]"
    assert REDACTOR.without_secrets("it used none") == "it used none"


def test_a_project_is_known_as_it_is_where_a_request_names_it() -> None:
    word = replace(a_word(), project=SECRET)

    call = cleaned(replace(a_call(), project=SECRET))

    assert (call.project, call.redacted[0].path) == (REDACTOR.known_as(SECRET), "project")
    assert REDACTOR.clean(word) == replace(word, project=REDACTOR.known_as(SECRET))
