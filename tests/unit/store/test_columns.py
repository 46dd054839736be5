"""A field of a run is written once in each place that knows it: the type, both schemas, the wire (decision 34)."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, defstruct
from msgspec.structs import asdict

import titan.store
from titan.model.attempts import AttemptOutcome
from titan.model.run_control import RunStatus, StatusSource
from titan.model.runs import Run, Tally
from titan.server.views.runs import run_view
from titan.store.columns import Columns
from titan.store.runs.rows import RUNS

SCHEMAS = Path(titan.store.__file__).parent / "sql" / "calls"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RUN = Run(
    project_id="p",
    id="r",
    agent_id="ada",
    status=RunStatus.FAILED,
    status_source=StatusSource.EXPLICIT,
    started_at=NOON,
    last_event_at=NOON + timedelta(seconds=1),
    received_at=NOON,
    ended_at=NOON + timedelta(seconds=2),
    reason="why",
    tags=("a",),
    lost=3,
    tally=Tally(calls=2, success=1, error=1),
)
#: What the store keeps of a run besides: its place, its tape, its versions, and what it computes.
OF_THE_STORE = {
    *("run_no", "text_count", "link", "version", "is_packed", "status_version", "seen"),
    *(
        "actions_version",
        "totals_version",
        "determinism_order",
        "determinism_version",
        "calls",
        "duration_us",
        "success_rate",
    ),
}


class Inner(Struct, frozen=True, kw_only=True):
    """Fields with columns of their own."""

    words: tuple[str, ...] = ()


class Outer(Struct, frozen=True, kw_only=True):
    """A field of every kind."""

    id: str
    at: datetime
    ended_at: datetime | None = None
    is_on: bool = False
    outcome: AttemptOutcome | None = None
    state: AttemptOutcome = AttemptOutcome.LOST
    inner: Inner = Inner()
    size: int = 0
    number: int | None = None


OUTER = Columns(Outer, within={"inner": Columns(Inner)})


@pytest.mark.parametrize(
    "value",
    [
        Outer(id="a", at=NOON),
        Outer(
            id="a",
            at=NOON,
            ended_at=NOON,
            is_on=True,
            outcome=AttemptOutcome.FAILED,
            inner=Inner(words=("b", "é")),
            size=7,
            number=0,
        ),
    ],
)
def test_a_value_is_read_back_from_its_columns(value: Outer) -> None:
    assert OUTER.of([*OUTER.values(value), "what else the query asks for"]) == value
    assert list(OUTER.row(value).items()) == list(zip(OUTER.names, OUTER.values(value), strict=True))


def test_moments_are_microseconds_and_values_without_a_column_type_are_json() -> None:
    row = OUTER.row(Outer(id="a", at=NOON, inner=Inner(words=("b",)), size=2**64))

    assert row["at_us"] == 1_767_268_800_000_000
    assert (row["words"], row["state"], row["is_on"], row["size"]) == ('["b"]', "lost", 0, 2**63 - 1)


def test_a_word_that_an_enum_does_not_have_cannot_be_read() -> None:
    row = list(OUTER.values(Outer(id="a", at=NOON)))

    row[OUTER.names.index("state")] = "gone"

    with pytest.raises(LookupError):
        OUTER.of(row)


def test_a_new_field_of_a_run_needs_no_code_in_the_store() -> None:
    with_mood = defstruct("RunWithMood", [("mood", str | None, None)], bases=(Run,), frozen=True, kw_only=True)
    columns = Columns(with_mood, within={"tally": Columns(Tally)})
    run = with_mood(**{name: getattr(RUN, name) for name in Run.__struct_fields__}, mood="calm")

    assert columns.row(run)["mood"] == "calm"
    assert columns.of(columns.values(run)) == run


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_the_schemas_have_a_column_for_each_field_of_a_run(dialect: str) -> None:
    schema = (SCHEMAS / dialect / "schema.sql").read_text("utf-8")
    table = re.search(r"^create table runs \((.*?)^\)", schema, re.M | re.S)
    assert table is not None

    columns = set(re.findall(r"^    (\w+) (?:text|integer|bigint|blob|bytea|real|double)", table[1], re.M))

    assert columns - OF_THE_STORE == set(RUNS.names)


def test_fields_with_one_name_in_run_and_view_are_copied() -> None:
    view, run = asdict(run_view(RUN)), asdict(RUN)

    alike = set(view) & set(run) - {"tally", "tags"}

    assert {name: view[name] for name in alike} == {name: run[name] for name in alike}
    assert {"session_id", "reason", "lost", "archived_at"} <= alike
