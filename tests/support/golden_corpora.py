"""What golden totals are of: each corpus is sent to a real server, or recorded in a real store.

`python -m tests.support.golden_corpora [NAME …]` writes the files of tests/acceptance/golden anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import time_ns
from typing import Any, Final, TypeAlias

import msgspec
import openai

from tests.support.call_stores import CALL_STORES, count
from tests.support.capturing import KEPT_FOR_EVER, say_again, server_for
from tests.support.fake_endpoint import FakeEndpoint, Reply, a_completion, a_stream, fake_endpoint
from tests.support.foreign_programs import MODEL, PROGRAMS, USAGE, Program
from tests.support.golden import FOLDER, Golden, as_text, golden_file, lines_of, read_run, run_ids
from tests.support.money import CASES
from tests.support.raw_http import ask, ask_json
from tests.support.recorded import RUN, PerToken, a_call
from tests.support.reported_spans import CASES as SPAN_CASES
from tests.support.running_titan import RunningTitan, running_titan
from tests.support.seen_twice import CALL, SKY, send_spans
from tests.support.stores import PATIENCE_SECONDS, StandingClock
from tests.support.telemetry import a_request
from tests.support.token_holder import Holder
from tests.support.waiting import let_pass, wait_until
from titan.insight.bodies import Bodies
from titan.insight.export import action_line
from titan.model.actions import CALLS, ActionEntry, ActionKind, ModelUse, Outcome, Source
from titan.model.runs import Action, Run, Tally
from titan.ports.runs_store import CallFilter, CallReader, CallStore, CallTransaction
from titan.recorder.recorder import record_entries
from titan.rules.runs.totals import tally_of
from titan.server.views.runs import action_view, run_view

#: Sends a corpus; for the `with` block a function gives the totals as they are by then.
Replay: TypeAlias = Callable[[Path], AbstractContextManager[Callable[[], Golden]]]
SETTLED_SECONDS: Final = 3.0  # what is recorded in the background takes milliseconds


# --- what foreign clients sent ---


@contextmanager
def captured_clients(folder: Path) -> Iterator[Callable[[], Golden]]:
    """Send what was captured of each client; a case is a client."""
    with ExitStack() as running:
        readers = [
            running.enter_context(_captured_on_one_server(folder / str(number), programs))
            for number, programs in enumerate(_sharing_a_server())
        ]

        def read() -> Golden:
            found = {case: lines for one in readers for case, lines in one().items()}
            return {name: found[name] for name in PROGRAMS}

        yield read


def _sharing_a_server() -> list[list[Program]]:
    shared: dict[tuple[bool, bool], list[Program]] = {}
    for program in PROGRAMS.values():
        shared.setdefault((program.shows_token, program.asks_titan), []).append(program)
    return list(shared.values())


@contextmanager
def _captured_on_one_server(folder: Path, programs: Sequence[Program]) -> Iterator[Callable[[], Golden]]:
    folder.mkdir()
    with server_for(programs[0], folder) as (titan, token):
        holder = Holder(titan.sdk_port, token)
        client_of: dict[str, str] = {}
        for program in programs:
            say_again(program, titan.sdk_port, token=token)
            for run_id in run_ids(holder):
                client_of.setdefault(run_id, program.name)

        def read() -> Golden:
            found: Golden = {program.name: [] for program in programs}
            for run_id in run_ids(holder):
                program = client_of.get(run_id, programs[-1].name)
                found[program] += read_run(holder, run_id)
            return found

        yield read


# --- what our endpoint and a span report ---


@contextmanager
def seen_twice(folder: Path) -> Iterator[Callable[[], Golden]]:
    """Make calls through our model endpoint and send spans of them; a case is a way to do that."""
    with fake_endpoint() as endpoint:
        model = f"{endpoint.url}#gpt-4o-mini"
        with running_titan(folder / "home", offers=(), model=model, environment=KEPT_FOR_EVER) as titan:
            url = f"http://127.0.0.1:{titan.sdk_port}/v1"
            with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
                runs = {case: make(endpoint, titan, client) for case, make in SEEN_TWICE.items()}
            holder = Holder(titan.sdk_port, None)
            yield lambda: _read_runs(holder, runs)


def _read_runs(holder: Holder, runs: Mapping[str, Sequence[str]]) -> Golden:
    """Return the totals of the runs of each case; a run that there is not any more has no line."""
    known = set(run_ids(holder))
    return {case: [line for id in ids if id in known for line in read_run(holder, id)] for case, ids in runs.items()}


def _endpoint_first(
    endpoint: FakeEndpoint,
    titan: RunningTitan,
    client: openai.OpenAI,
    *,
    trace_id: str,
    headers: Mapping[str, str] | None = None,
    run_id: str | None = None,
    has_id: bool = True,
) -> list[str]:
    endpoint.replies.append(_priced_reply())
    began_ns = time_ns()
    answer = client.chat.completions.create(model="default", messages=[SKY], extra_headers=headers).id
    ids, holder = {trace_id, run_id or answer}, Holder(titan.sdk_port, None)
    wait_until(lambda: not ids.isdisjoint(run_ids(holder)), "the endpoint's call is recorded")
    send_spans(titan.sdk_port, trace_id, answer if has_id else None, began_ns=began_ns)
    return [trace_id, run_id or answer]


def _span_first(
    endpoint: FakeEndpoint,
    titan: RunningTitan,
    client: openai.OpenAI,
    *,
    trace_id: str,
    headers: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> list[str]:
    endpoint.replies.append(a_stream({"content": "It"}, {"content": " is"}, finish_reason=None, is_held=True))
    began_ns = time_ns()
    stream = client.chat.completions.create(model="default", messages=[SKY], stream=True, extra_headers=headers)
    answer = next(stream).id
    send_spans(titan.sdk_port, trace_id, answer, began_ns=began_ns)
    stream.close()  # only now the endpoint knows how it ended
    return [trace_id, run_id or answer]


def _priced_reply() -> Reply:
    reply = a_completion("blue")
    assert isinstance(reply.body, dict)
    return replace(reply, body={**reply.body, "model": MODEL, "usage": USAGE})


def _in_run(run_id: str) -> dict[str, Any]:
    return {"run_id": run_id, "headers": {"X-Titan-Run-Id": run_id}}


_TRACE: Final = "{:032x}"
_WITHIN: Final = {"traceparent": f"00-{_TRACE.format(5)}-{CALL}-01"}
#: Case → what makes its calls and returns the runs to look at: the trace, and the one that the endpoint knew.
SEEN_TWICE: Final[Mapping[str, Callable[[FakeEndpoint, RunningTitan, openai.OpenAI], Sequence[str]]]] = {
    "the endpoint first": partial(_endpoint_first, trace_id=_TRACE.format(1)),
    "the span first": partial(_span_first, trace_id=_TRACE.format(2)),
    "the call names its run, the endpoint first": partial(
        _endpoint_first, trace_id=_TRACE.format(3), **_in_run("named-1")
    ),
    "the call names its run, the span first": partial(_span_first, trace_id=_TRACE.format(4), **_in_run("named-2")),
    "traceparent, and a span without a response id": partial(
        _endpoint_first, trace_id=_TRACE.format(5), headers=_WITHIN, has_id=False
    ),
    "neither traceparent nor response id": partial(_endpoint_first, trace_id=_TRACE.format(6), has_id=False),
}


# --- spans over HTTP ---


@contextmanager
def reported_spans(folder: Path) -> Iterator[Callable[[], Golden]]:
    """Send the spans of calls that are reported twice, in part, or in other words; a case is a run."""
    with running_titan(folder / "home", offers=(), environment=KEPT_FOR_EVER) as titan:
        runs = {case: _TRACE.format(number) for number, case in enumerate(SPAN_CASES, start=1)}
        for case, reported in SPAN_CASES.items():
            for scope, span in reported:
                span.trace_id = bytes.fromhex(runs[case])
                body = a_request(span, scope=scope).SerializeToString()
                headers = {"Content-Type": "application/x-protobuf"}
                assert ask(titan.sdk_port, "POST", "/v1/traces", body, headers).status == 200
        yield lambda: _read_runs(Holder(titan.sdk_port, None), {case: [run] for case, run in runs.items()})


# --- money over HTTP ---


@contextmanager
def money(folder: Path) -> Iterator[Callable[[], Golden]]:
    """Send calls with every kind of cost, each in a request of its own; a case is a run."""
    with running_titan(folder / "home", offers=(), environment=KEPT_FOR_EVER) as titan:
        for case, (entries, _) in CASES.items():
            for entry in entries:
                body = {"run_id": f"money {case}", "agent_id": "money", "entries": [entry]}
                assert ask_json(titan.sdk_port, "POST", "/api/v1/actions", body).status == 200
        yield lambda: _read_runs(Holder(titan.sdk_port, None), {case: [f"money {case}"] for case in CASES})


# --- planted costs ---


@contextmanager
def planted_costs(folder: Path) -> Iterator[Callable[[], Golden]]:
    """Record each case of inputs/planted_costs.json together, one by one, and one by one from the last.

    Where the totals depend on that, the case has three entries. Model "priced" costs a dollar for each token.
    """
    planted: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / "inputs/planted_costs.json").read_text("utf-8"))
    with CALL_STORES["sqlite"](folder) as open_store:
        clock = StandingClock()
        clock.advance(timedelta(days=1))  # the reports are of the hours before
        store = open_store(clock)
        try:
            for case, reports in planted.items():
                entries = [_planted_entry(**report) for report in reports]
                _record(store, f"{case}: together", entries)
                for entry in entries:
                    _record(store, f"{case}: one by one", [entry])
                for entry in reversed(entries):
                    _record(store, f"{case}: from the last", [entry])
            runs = {case: list(dict.fromkeys(one.get("run", RUN) for one in all)) for case, all in planted.items()}
            yield lambda: store.read(lambda reader: _read_planted(reader, runs))
        finally:
            store.close()


def _planted_entry(
    id: str,
    source: str,
    kind: str,
    begins: float,
    ends: float | None,
    run: str = RUN,
    parent: str | None = None,
    outcome: str | None = None,
    **more: Any,
) -> ActionEntry:
    use = {name: more.pop(name) for name in ModelUse.__struct_fields__ if name in more}
    return a_call(
        id,
        source=Source(source),
        kind=ActionKind(kind),
        begins=begins,
        ends=ends,
        run_id=run,
        parent_id=parent,
        outcome=None if outcome is None else Outcome(outcome),
        use=ModelUse(**use) if use else None,
        name="chat" if kind == "model" else id,
        **more,
    )


def _record(store: CallStore, project_id: str, entries: Sequence[ActionEntry]) -> None:
    def write(tx: CallTransaction) -> None:
        record_entries(tx, project_id, entries, prices=PerToken())

    store.transact(write).result(PATIENCE_SECONDS)
    count(store)


def _read_planted(reader: CallReader, runs: Mapping[str, Sequence[str]]) -> Golden:
    found: Golden = {}
    for case, ids in runs.items():
        orders = {
            order: [line for id in ids for line in _read_recorded(reader, f"{case}: {order}", id)]
            for order in ("together", "one by one", "from the last")
        }
        first = orders["together"]
        is_same = all(lines == first for lines in orders.values())
        found |= {case: first} if is_same else {f"{case}: {order}": lines for order, lines in orders.items()}
    return found


def _read_recorded(reader: CallReader, project_id: str, run_id: str) -> list[dict[str, Any]]:
    run = reader.run(project_id, run_id)
    if run is None:
        return []
    recorded = list(reader.actions_of_run(project_id, run_id))
    _check_exported_sums(run, recorded)
    _check_ledger_sums(run, tally_of(reader.sums_of_calls(project_id, CallFilter(run_id=run_id))))
    actions = [action_view(action) for action in recorded]
    calls = [msgspec.to_builtins(action) for action in actions if action.kind in CALLS]
    return lines_of(msgspec.to_builtins(run_view(run)), [action.kind for action in actions], calls)


def _check_exported_sums(run: Run, actions: Sequence[Action]) -> None:
    """Check that what each action counts as in an export adds up to its run's totals."""
    lines = [action_line(action, Bodies(), {}) for action in actions]
    tally = run.tally
    assert sum(line.counted_cost_usd or 0 for line in lines) == tally.cost, run.id
    assert sum(line.counted_input_tokens or 0 for line in lines) == (tally.input_tokens or 0), run.id
    assert sum(line.counted_output_tokens or 0 for line in lines) == (tally.output_tokens or 0), run.id


def _check_ledger_sums(run: Run, ledger: Tally) -> None:
    """Check that the ledger narrowed to a run has its totals."""
    assert (ledger.cost, ledger.unpriced) == (run.tally.cost, run.tally.unpriced), (ledger, run.tally)
    assert (ledger.input_tokens or 0, ledger.output_tokens or 0) == (
        run.tally.input_tokens or 0,
        run.tally.output_tokens or 0,
    ), run.id


#: Name of a golden file → its corpus.
CORPORA: Final[Mapping[str, Replay]] = {
    "captured_clients": captured_clients,
    "seen_twice": seen_twice,
    "reported_spans": reported_spans,
    "money": money,
    "planted_costs": planted_costs,
}


def write_golden(name: str) -> None:
    """Write the golden totals of a corpus, as they are once everything is recorded."""
    with tempfile.TemporaryDirectory() as folder, CORPORA[name](Path(folder)) as read:
        let_pass(SETTLED_SECONDS)
        golden_file(name).write_text(as_text(read()), "utf-8")


if __name__ == "__main__":
    for wanted in sys.argv[1:] or CORPORA:
        write_golden(wanted)
