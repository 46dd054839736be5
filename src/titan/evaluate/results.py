"""Summarise an evaluation: rates, pass^k, failure modes, costs; export its runs as CSV, JSON Lines and JUnit."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import comb
from typing import Final
from xml.etree import ElementTree

import msgspec

from titan.judge.scorers import SUITE_FAULT
from titan.rules.intervals import wilson_interval
from titan.wire.evaluations import AgentRunView

#: Failures that do not count for the agent: it was not called, or not reached.
INFRASTRUCTURE: Final = frozenset(
    {"internal_error", "proxy_misconfigured", "agent_unreachable", "transport_error", "auth_failed"}
)


@dataclass(frozen=True, slots=True)
class Reliability:
    """An estimate of pass^k: the share of tasks of which k tries in a row pass."""

    k: int
    share: float
    low: float  #: of Wilson's 95 % interval, whose unit is the task
    high: float
    tasks: int


def pass_hat(k: int, tries: Sequence[tuple[int, int]]) -> Reliability | None:
    """Return pass^k over tasks with (passed, graded) tries; None when no task has k graded tries.

    Of a task with c of n passed it is C(c, k) / C(n, k), the unbiased estimate of tau-bench (Yao et al., 2024). The
    interval is Wilson's of the mean over tasks: tries of one task are alike, so that more of them do not narrow it.
    """
    estimates = [comb(passed, k) / comb(graded, k) for passed, graded in tries if graded >= k]
    if not estimates:
        return None
    count = len(estimates)
    share = sum(estimates) / count
    return Reliability(k, share, *wilson_interval(share, count), count)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """The results of an agent field's runs."""

    field: str
    agent: str  #: name and version
    runs: int
    passed: int
    failed: int  #: graded FAIL, or the agent gave no usable answer
    ungraded: int  #: completed, and nothing could be graded
    infrastructure: int  #: failures that do not count for the agent
    cancelled: int
    not_counted: dict[str, int]  #: reason → runs: ungraded, cancelled, pending, running, an error class
    failure_modes: dict[str, int]
    reliability: tuple[Reliability, ...]  #: pass^1 … pass^k
    tool_calls: int
    cost_usd: Decimal | None

    @property
    def graded(self) -> int:
        """Runs that count for the agent."""
        return self.passed + self.failed

    @property
    def pass_rate(self) -> float | None:
        """The share of graded runs that passed, of several tries the mean over tasks; None without any."""
        return self.reliability[0].share if self.reliability else None

    @property
    def tries(self) -> int:
        """The most graded runs that a task has."""
        return self.reliability[-1].k if self.reliability else 0


def results_by_field(runs: Iterable[AgentRunView]) -> list[FieldResult]:
    """Return the results of each field, ordered by name."""
    return [_of_field(name, of_field) for name, of_field in _by_field(runs)]


def _by_field(runs: Iterable[AgentRunView]) -> list[tuple[str, list[AgentRunView]]]:
    by_field: dict[str, list[AgentRunView]] = {}
    for run in runs:
        by_field.setdefault(run.field, []).append(run)
    return sorted(by_field.items())


def failure_mode_of(run: AgentRunView) -> str | None:
    """Return why a run did not pass: its failure mode or error class; "ungraded" of one that has no grade."""
    is_ungraded = run.status == "completed" and has_passed(run) is None
    return run.failure_mode or run.error_class or ("ungraded" if is_ungraded else None)


def why_not(run: AgentRunView) -> str:
    """Return in words why a run did not pass: what a scorer found that failed or could not grade, or the error."""
    return run.failure_detail or ("no scorer could grade it" if run.status == "completed" else run.status)


def suite_faults(runs: Iterable[AgentRunView]) -> list[tuple[str, str]]:
    """Return the tasks that no agent could pass, each once with the reason."""
    found = {
        (run.task_id, run.failure_detail.removeprefix(SUITE_FAULT))
        for run in runs
        if run.failure_detail is not None and run.failure_detail.startswith(SUITE_FAULT)
    }
    return sorted(found)


def has_passed(run: AgentRunView) -> bool | None:
    """Return whether a run passed, None where it does not count for the agent."""
    if run.status == "failed":
        return None if run.error_class in INFRASTRUCTURE else False
    return {"PASS": True, "FAIL": False}.get(run.verdict)


def as_csv(runs: Iterable[AgentRunView]) -> str:
    """Return the runs as CSV with a header; cells with several values are JSON."""
    text = io.StringIO()
    writer = csv.DictWriter(text, AgentRunView.__struct_fields__, lineterminator="\n")
    writer.writeheader()
    for run in runs:
        plain = msgspec.to_builtins(run)
        writer.writerow(
            {name: _compact(value) if isinstance(value, dict | list) else value for name, value in plain.items()}
        )
    return text.getvalue()


def as_json_lines(runs: Iterable[AgentRunView]) -> str:
    """Return the runs as JSON Lines."""
    return "".join(f"{_compact(msgspec.to_builtins(run))}\n" for run in runs)


def junit(suite: str, runs: Sequence[AgentRunView]) -> str:
    """Return a JUnit document with a test suite for each field and a test case for each run."""
    root = ElementTree.Element("testsuites", name=suite)
    for name, of_field in _by_field(runs):
        verdicts = [has_passed(run) for run in of_field]
        attributes = {
            "name": f"{suite}.{name}",
            "tests": str(len(of_field)),
            "failures": str(verdicts.count(False)),
            "errors": str(sum(_is_infrastructure(run) for run in of_field)),
            "skipped": str(
                sum(one is None and not _is_infrastructure(run) for one, run in zip(verdicts, of_field, strict=True))
            ),
        }
        element = ElementTree.SubElement(root, "testsuite", attributes)
        for run in sorted(of_field, key=lambda one: (one.task_id, one.attempt)):
            _case(element, suite, run)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _compact(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _case(suite: ElementTree.Element, name: str, run: AgentRunView) -> None:
    seconds = "0" if run.latency_ms is None else f"{run.latency_ms / 1000:.3f}"
    title = run.task_id if run.attempt == 1 else f"{run.task_id} (attempt {run.attempt})"
    case = ElementTree.SubElement(suite, "testcase", classname=f"{name}.{run.field}", name=title, time=seconds)
    mode = failure_mode_of(run) or run.status
    if _is_infrastructure(run):
        ElementTree.SubElement(case, "error", message=mode, type=mode).text = f"{why_not(run)}\n{run.run_id}"
    elif has_passed(run) is False:
        ElementTree.SubElement(case, "failure", message=mode, type=mode).text = f"{why_not(run)}\n{run.run_id}"
    elif has_passed(run) is None:
        ElementTree.SubElement(case, "skipped", message=f"{mode}: {why_not(run)}")


def _is_infrastructure(run: AgentRunView) -> bool:
    return run.status == "failed" and run.error_class in INFRASTRUCTURE


def _of_field(name: str, runs: Sequence[AgentRunView]) -> FieldResult:
    verdicts = [has_passed(run) for run in runs]
    tries: dict[str, list[bool]] = {}
    for run, verdict in zip(runs, verdicts, strict=True):
        if verdict is not None:
            tries.setdefault(run.task_id, []).append(verdict)
    most = max((len(one) for one in tries.values()), default=0)
    counts = [(sum(one), len(one)) for one in tries.values()]
    reliability = (pass_hat(k, counts) for k in range(1, most + 1))
    costs = [run.cost_usd for run in runs if run.cost_usd is not None]
    modes = Counter(failure_mode_of(run) or "?" for run, one in zip(runs, verdicts, strict=True) if one is False)
    not_counted = Counter(
        failure_mode_of(run) or run.status for run, one in zip(runs, verdicts, strict=True) if one is None
    )
    newest = max(runs, key=lambda run: run.agent_version)
    return FieldResult(
        field=name,
        agent=f"{newest.agent_id} v{newest.agent_version}",
        runs=len(runs),
        passed=verdicts.count(True),
        failed=verdicts.count(False),
        ungraded=sum(run.status == "completed" and one is None for run, one in zip(runs, verdicts, strict=True)),
        infrastructure=sum(map(_is_infrastructure, runs)),
        cancelled=sum(run.status == "cancelled" for run in runs),
        not_counted=dict(not_counted.most_common()),
        failure_modes=dict(modes.most_common()),
        reliability=tuple(one for one in reliability if one is not None),
        tool_calls=sum(run.tool_calls for run in runs),
        cost_usd=sum(costs, Decimal(0)) if costs else None,
    )
