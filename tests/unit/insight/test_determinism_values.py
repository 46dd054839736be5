"""What a single value says of where it came from, and what says nothing."""

import pytest

from tests.support.recorded_actions import AT, a_payload, recorded
from titan.insight.determinism.calls import SetOrder, external_state, sampling
from titan.insight.determinism.model import IssueKind, Recorded, Severity, Side
from titan.insight.determinism.values import MOST_LEAVES, Leaf, TextList, contents_of, hits, moments_in, shown, words_of
from titan.model.actions import ActionKind, Effect, Impact, Payload

EPOCH = int(AT.timestamp())


def kinds(value: object, *, name: str = "step", side: Side = Side.OUTPUTS) -> list[tuple[str, str]]:
    """Return (kind, value) of what is found in a value that an action gave."""
    action = recorded(0, name)
    return [
        (hit.kind.value, hit.value) for leaf in contents_of(a_payload(value)).leaves for hit in hits(leaf, side, action)
    ]


@pytest.mark.parametrize(
    "value",
    [
        "2024-12-28T14:30:00Z",
        "2024-12-28 14:30:00.123456",
        "2024-12-28T16:30+02:00",
        "2024-12-28",
        "Sat, 28 Dec 2024 14:30:00 GMT",
        AT,
        AT.date(),
        EPOCH,
        EPOCH + 0.25,
        EPOCH * 1000,
        EPOCH * 10**6,
        str(EPOCH),
    ],
)
def test_a_time_near_its_action_is_the_current_time(value: object) -> None:
    assert [kind for kind, _ in kinds({"at": value})] == ["timestamp"]


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-31T14:30:00Z",
        "2019-12-28T14:30:00Z",
        "2024-12-30",
        "Meeting notes of 2024-12-28, revised",
        "Sat, 28 Dec 2019 14:30:00 GMT",
        EPOCH - 3 * 86_400,
        17,
        True,
        None,
        "9999999999999999999",
        "0000000017",
        f"{EPOCH}1",
    ],
)
def test_a_stored_date_is_none(value: object) -> None:
    assert kinds({"at": value}) == []


def test_a_value_named_today_is_the_current_time_in_any_format() -> None:
    assert kinds({"today": "Monday"}) == [("timestamp", "Monday")]


def test_a_time_in_a_text_is_found_once_and_unchanged() -> None:
    assert kinds("at 2024-12-28T14:30:00Z, again 2024-12-28T14:30:00Z") == [("timestamp", "2024-12-28T14:30:00Z")]


def test_a_time_for_a_log_is_low() -> None:
    [hit] = hits(Leaf("$.ts", "ts", "2024-12-28T14:30:00Z"), Side.INPUTS, recorded(0))

    assert (hit.severity, hit.description.partition(" ")[0]) == (Severity.LOW, "Input")


def test_a_number_beyond_the_calendar_is_no_time() -> None:
    assert list(moments_in(Leaf("$", "", "9" * 10))) != []
    assert list(moments_in(Leaf("$", "", 10**15 * 9))) != []


#: Made at AT.
ULID = "01JG77JV60" + "0" * 16
UUID7 = f"{int(AT.timestamp() * 1000):012x}"
UUID7 = f"{UUID7[:8]}-{UUID7[8:]}-7000-8000-000000000000"
UUID1 = "0b86a400-c529-11ef-9cd2-0242ac120002"
OBJECT_ID = f"{EPOCH:08x}a1b2c3d4e5f60718"


def ksuid() -> str:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number, text = (EPOCH - 1_400_000_000) << 128, ""
    while number:
        number, digit = divmod(number, 62)
        text = letters[digit] + text
    return text.rjust(27, "0")


@pytest.mark.parametrize(
    "value",
    [
        "3f2c8a0e-5d1b-4c7a-9e2f-8b6d4a1c0e9f",
        "3f2c8a0e5d1b4c7a9e2f8b6d4a1c0e9f",
        "order 3f2c8a0e-5d1b-4c7a-9e2f-8b6d4a1c0e9f is placed",
        ULID,
        UUID7,
        UUID1,
        OBJECT_ID,
        ksuid(),
    ],
)
def test_a_generated_id_is_found(value: str) -> None:
    assert [kind for kind, _ in kinds({"id": value})] == ["uuid"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sha", "3f2c8a0e5d1b4c7a9e2f8b6d4a1c0e9f"),
        ("id", "3f2c8a0e-5d1b-5c7a-9e2f-8b6d4a1c0e9f"),  # version 5: derived from a name
        ("id", "0190aaaa-5d1b-7c7a-9e2f-8b6d4a1c0e9f"),  # version 7, made in July
        ("id", "01J0000000" + "0" * 16),
        ("id", "7ZZZZZZZZZ" + "0" * 16),  # beyond the calendar
        ("id", "x 3f2c8a0e5d1b4c7a9e2f8b6d4a1c0e9f"),
        ("id", 3),
    ],
)
def test_an_id_that_was_there_before_or_is_a_digest_is_none(key: str, value: object) -> None:
    assert kinds({key: value}) == []


def test_an_id_that_a_call_reads_is_stored_data() -> None:
    assert kinds({"id": "3f2c8a0e-5d1b-4c7a-9e2f-8b6d4a1c0e9f"}, name="get_user") == []


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", 48213),
        ("jitter", 0.25),
        ("session", "9f86d081884c7d659a2feaa0c55ad015"),
        ("key", "a3f19c02b77de481"),
        ("key", "aB3dE5fG7hI9jK1mQ2"),
    ],
)
def test_a_random_value_is_found(key: str, value: object) -> None:
    assert [kind for kind, _ in kinds({key: value})] == ["random"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("seed", "pumpkin"),
        ("key", "9f86d081884c7d659a2feaa0c55ad015"),  # MD5
        ("digest", "a3f19c02b77de481"),
        ("key", "1234567890123456"),
        ("key", "aaaaaaaaaaaaaaaaaaaa"),
        ("key", "research_agent_step_2_final"),
        ("key", "ResearchAgentStep2Final"),
        ("key", "ABCDEFGHIJKLMNOPQ1R2"),
        ("key", "a whole sentence with 3 words and 4 more"),
    ],
)
def test_words_numbers_and_digests_are_not_random(key: str, value: object) -> None:
    assert kinds({key: value}) == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"request_id": "req_1"}, "api_value"),
        ({"X-Request-Id": "req_1"}, "api_value"),
        ({"pid": 17}, "environment"),
        ({"cwd": "/srv"}, "environment"),
        ("<app.Client object at 0x7f3a2c1d>", "environment"),
        ("saved as /tmp/tmpab12cd34", "environment"),
        (0.1 + 0.2, "floating_point"),
        ("{'b', 'a'}", "order"),
    ],
)
def test_other_values_that_differ_are_found(value: object, kind: str) -> None:
    assert [found for found, _ in kinds(value)] == [kind]


@pytest.mark.parametrize("value", [1 / 3, 0.3, 1e-7, 1e300, 0.0, "{'a': 'b'}", "/tmp/report.txt", {"host": "db1"}])
def test_ordinary_values_are_not(value: object) -> None:
    assert kinds(value) == []


def test_long_values_are_shown_in_part() -> None:
    assert shown("x" * 100) == "x" * 80 + "…"


# --- what a payload holds ---


def test_all_types_of_the_encoding_are_walked() -> None:
    class Point:
        def __init__(self) -> None:
            self.x = 1

    value = {"a": (1, {"b"}), 3: [AT], "e": ValueError("no"), "p": Point(), "n": {"$weird": 1}}

    found = contents_of(a_payload(value))

    paths = {leaf.path for leaf in found.leaves}
    assert {"$.a[0]", "$.a[1][0]", "$.3[0]"} <= paths
    assert found.is_whole
    assert contents_of(Payload('{"$dict":[1,["a",2]],"b":1}')).leaves[-1].path == "$.b"
    assert contents_of(Payload('{"$dict":[1,["a",2]]}')).leaves == [Leaf("$.a", "a", 2)]
    assert contents_of(Payload('{"$object":{"type":"x:P","state":{"x":1}}}')).leaves == [Leaf("$.x", "x", 1)]
    assert contents_of(Payload('{"$cut":{"head":"x"}}')).leaves == []


def test_a_missing_invalid_or_too_large_text_is_not_whole() -> None:
    for payload in (None, Payload("{}", blob="0" * 64), Payload("{"), Payload(str([1] * (MOST_LEAVES + 1)))):
        assert not contents_of(payload).is_whole


def test_words_of_names() -> None:
    assert words_of("X-RequestID_v2") == ["x", "request", "id", "v", "2"]


# --- calls ---


def model(*, inputs: object = None, details: dict[str, object] | None = None, has_content: bool = True) -> Recorded:
    return recorded(0, "chat", kind=ActionKind.MODEL, inputs=inputs, details=details, has_content=has_content)


def is_sampled(action: Recorded) -> bool:
    return bool(list(sampling(action, contents_of(action.bodies.inputs))))


def test_a_model_that_samples_is_an_issue() -> None:
    asked = {"messages": [{"role": "user", "content": "hi"}]}

    assert is_sampled(model(inputs=asked))
    assert is_sampled(model(inputs={**asked, "temperature": 0.7}))
    assert is_sampled(model(details={"attributes": {"gen_ai.request.temperature": 0.7}}, has_content=False))
    assert is_sampled(model(details={"attributes": {"gen_ai.request.model": "m"}}, has_content=False))


def test_a_model_that_does_not_sample_or_of_which_nobody_knows_is_none() -> None:
    assert not is_sampled(model(inputs={"temperature": 0}))
    assert not is_sampled(model(inputs={"kwargs": {"parameters": {"seed": 7}}}))
    assert not is_sampled(model(details={"attributes": {"gen_ai.request.temperature": 0}}, has_content=False))
    assert not is_sampled(model(has_content=False))
    assert not is_sampled(model(details={"attributes": 3}, has_content=False))
    assert not is_sampled(recorded(0, inputs={"temperature": 0.7}))


def external(action: Recorded) -> list[Severity]:
    return [finding.severity for finding in external_state(action, contents_of(action.bodies.inputs))]


@pytest.mark.parametrize(
    ("action", "severities"),
    [
        (recorded(0, "query_db"), [Severity.MEDIUM]),
        (recorded(0, "lookup", tags=("http",)), [Severity.MEDIUM]),
        (recorded(0, "web_search"), [Severity.MEDIUM]),
        (recorded(0, "send_email"), [Severity.CRITICAL]),
        (recorded(0, "update_db"), [Severity.CRITICAL]),
        (recorded(0, "anything", effect=Effect.EXTERNAL), [Severity.CRITICAL]),
        (recorded(0, "write_file", impact=Impact.HIGH), [Severity.CRITICAL]),
        (recorded(0, "write_summary"), []),
        (recorded(0, "update_db", impact=Impact.READ), [Severity.MEDIUM]),
        (recorded(0, "send_email", effect=Effect.LOCAL), []),
        (recorded(0, "send_email", inputs={"idempotency_key": "k"}), []),
        (recorded(0, "query_db", kind=ActionKind.MODEL), []),
        (recorded(0, "summarise"), []),
    ],
)
def test_calls_of_the_outside(action: Recorded, severities: list[Severity]) -> None:
    assert external(action) == severities


def test_a_list_is_made_from_a_set_once() -> None:
    orders = SetOrder()
    a_set, a_list = TextList("$", ("a", "b"), is_set=True), TextList("$.x", ("b", "a"), is_set=False)

    assert list(orders.look([a_list, a_set], Side.INPUTS)) == []
    assert list(orders.look([a_list], Side.INPUTS)) == []  # it was there before the set
    assert list(orders.look([TextList("$", ("a", "b"), is_set=False)], Side.INPUTS)) == []  # sorted
    assert list(orders.look([TextList("$", ("b", "a", "a"), is_set=False)], Side.INPUTS)) == []

    other = SetOrder()
    found = [*other.look([a_set], Side.OUTPUTS), *other.look([a_list, a_list], Side.INPUTS)]
    assert [(one.kind, one.path) for one in found] == [(IssueKind.ORDER, "$.x")]
