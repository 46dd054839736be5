"""Totals of recorded runs as golden files: a line for each run and each call, in an order that does not change."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from tests.support.sources import ROOT
from tests.support.token_holder import Holder

FOLDER: Final = ROOT / "tests/acceptance/golden"
#: Case → its runs, each followed by its calls.
Golden: TypeAlias = dict[str, list[dict[str, Any]]]

OUTCOMES: Final = ("running", "success", "error", "blocked", "rejected", "replayed")
#: What is another one each time: our endpoint's names of its answers, and the port of a model.
_OWN_ANSWER: Final = re.compile("chatcmpl-[0-9a-f]{32}")
_PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)\d+")


def lines_of(run: Mapping[str, Any], kinds: Iterable[str], calls: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a run's line and those of its calls, sorted by id; the arguments are as HTTP answers them.

    `kinds` are the kinds of all its actions. Costs are US dollars as decimal strings, tokens those of input and output.
    """
    totals = run["tally"]
    line = {
        "run": _named(run["run_id"]),
        "status": run["status"],
        "cost": _dollars(totals["cost_usd"]),
        "prevented": _dollars(totals["prevented_cost_usd"]),
        "saved": _dollars(totals["saved_cost_usd"]),
        "unpriced": totals["unpriced"],
        "estimated": totals["estimated"],
        "tokens": [totals["input_tokens"], totals["output_tokens"]],
        "calls": totals["calls"],
        "outcomes": {name: totals[name] for name in OUTCOMES if totals[name]},
        "actions": dict(sorted(Counter(kinds).items())),
        "first_error": run["first_error"],
    }
    return [line, *map(_call_line, sorted(calls, key=lambda call: (_named(call["id"]), call["started_at"])))]


def _call_line(call: Mapping[str, Any]) -> dict[str, Any]:
    line = {
        "call": _named(call["id"]),
        "kind": call["kind"],
        "name": call["name"],
        "outcome": call["outcome"],
        "cost": _dollars(call["cost_usd"]),
        "is_cost_estimated": call["is_cost_estimated"],
        "model": call["model"] and _PORT.sub("…", call["model"]),
        "tokens": [call["input_tokens"], call["output_tokens"]],
        "parent": call["parent_id"] and _named(call["parent_id"]),
    }
    left_out = (None, False, [None, None])
    return {name: value for name, value in line.items() if name in ("outcome", "cost") or value not in left_out}


def _named(id: str) -> str:
    return _OWN_ANSWER.sub("chatcmpl-…", id)


def _dollars(cost: str | None) -> str | None:
    return None if cost is None else f"{Decimal(cost).normalize():f}"


def run_ids(holder: Holder) -> list[str]:
    """Return the ids of all runs of a server, in their own order."""
    answer = holder.ask("GET", "/api/v1/runs?window=all&limit=200&include_archived=true")
    return sorted(run["run_id"] for run in answer.value["data"])


def read_run(holder: Holder, run_id: str) -> list[dict[str, Any]]:
    """Return the lines of a run of a server; none for a run that it does not know."""
    answer = holder.ask("GET", f"/api/v1/runs/{quote(run_id, safe='')}/skeleton")
    if answer.status == 404:
        return []
    calls = holder.ask("GET", f"/api/v1/ledger?run_id={quote(run_id, safe='')}&page_size=200").value["data"]
    return lines_of(answer.value["run"], answer.value["kind"], calls)


def golden_file(name: str) -> Path:
    """Return where the golden totals of a corpus are."""
    return FOLDER / f"{name}.json"


def as_text(found: Golden) -> str:
    """Return totals as their file has them."""
    cases = []
    for case, lines in found.items():
        shown = ",\n".join(("  " if "run" in line else "    ") + _json(line) for line in lines)
        cases.append(f"{_json(case)}: [\n{shown}\n]" if lines else f"{_json(case)}: []")
    return "{\n" + ",\n".join(cases) + "\n}\n"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
