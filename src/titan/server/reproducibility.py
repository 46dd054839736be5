"""Render a reproducibility report as one self-contained HTML page without scripts."""

from collections.abc import Callable, Iterable
from datetime import datetime
from html import escape
from typing import Final

from titan.wire import determinism as wire

METHOD: Final = {
    "predicted": "Read from recorded inputs and outputs and from source code; nothing was executed. Each call loses the"
    " weight of its gravest open issue (critical 1, high 0.6, medium 0.3, low 0.1); the score is the average over all"
    " calls, times 100, rounded down; at most 49 with a critical issue whose value reaches a later call, 69 with a"
    " high one.",
    "measured": "The program was executed several times with its calls answered from the recording, each time with"
    " another hash seed, listing order and order of answers. The score is the mean over all calls of the share of"
    " executions that did there what most did; the interval is Wilson's for 95 %.",
    "score": "The lower one of predicted and measured. A measurement of other code or packages does not count.",
    "integrity": "Each entry of the recording is linked by SHA-256 to the one before it; all links and the digests of"
    " all large contents were computed anew.",
    "limits": "Automated analysis may miss issues: what left no trace in inputs, outputs or source is not found.",
}
BANDS: Final = {
    "highly_deterministic": ("Highly deterministic", "#1a7f37"),
    "moderately_deterministic": ("Moderately deterministic", "#bf8700"),
    "low_determinism": ("Low determinism", "#bc4c00"),
    "highly_non_deterministic": ("Highly non-deterministic", "#cf222e"),
}
MOST_DIVERGENCES: Final = 20  # of one replay
_STYLE: Final = """
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1f2328; font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; }
h2 { margin-top: 2rem; border-bottom: 1px solid #d1d9e0; font-size: 1.15rem; }
h3 { margin: 1.25rem 0 .25rem; font-size: 1rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #d1d9e0; text-align: start; vertical-align: top; }
th, td, pre { overflow-wrap: anywhere; }
tbody th { width: 12rem; color: #59636e; font-weight: 400; }
pre, code { font-family: ui-monospace, monospace; font-size: .85em; }
pre { margin: .25rem 0; padding: .5rem; background: #f6f8fa; white-space: pre-wrap; }
.bar { height: .75rem; border-radius: .375rem; background: #eaeef2; overflow: hidden; }
.bar > span { display: block; height: 100%; }
.soft { color: #59636e; }
.bad { color: #cf222e; }
.good { color: #1a7f37; }
.issue { break-inside: avoid; }
@media print {
  body { max-width: none; margin: 0; font-size: 11px; }
  h2, h3 { break-after: avoid; }
  * { print-color-adjust: exact; }
}
"""


def html_report(report: wire.ReportAnswer) -> bytes:
    """Return the report as HTML in UTF-8; all data is escaped."""
    run_id = escape(report.run.run_id)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width">',
        f"<title>Reproducibility report: {run_id}</title><style>{_STYLE}</style></head><body>",
        f"<h1>Reproducibility report</h1><p><code>{run_id}</code></p>",
        f'<p class="soft">Generated {_time(report.generated_at)} by Titan {escape(report.titan_version)}</p>',
        *(_section(title, body(report)) for title, body in _SECTIONS),
        "</body></html>",
    ]
    return "\n".join(parts).encode(errors="replace")


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _run(report: wire.ReportAnswer) -> str:
    run = report.run
    return _facts(
        ("Run", run.run_id),
        ("Name", run.name),
        ("Agent", run.agent_id),
        ("Status", f"{run.status}{f': {run.reason}' if run.reason else ''}"),
        ("Started", _time(run.started_at)),
        ("Ended", None if run.ended_at is None else _time(run.ended_at)),
        ("Calls", f"{run.tally.calls:,}; {run.tally.success:,} succeeded"),
        ("Cost", f"${run.tally.cost_usd}"),
        ("Fork of", run.parent_run_id),
        ("Entries lost", f"{run.lost:,}"),
        ("Tags", ", ".join(run.tags) or None),
    )


def _integrity(report: wire.ReportAnswer) -> str:
    chain = report.integrity
    if chain.verified:
        verdict = f'<p class="good">✓ Verified: the recording is what was recorded, {chain.entries:,} entries.</p>'
    else:
        broken = chain.broken
        where = "" if broken is None else f" Entry {broken.entry:,}: {escape(broken.found)}."
        verdict = f'<p class="bad">✕ The recording was changed.{where}</p>'
    return verdict + _facts(("Last link", chain.link), ("Method", report.method["integrity"]))


def _score(report: wire.ReportAnswer) -> str:
    found = report.determinism
    predicted = found.predicted
    parts = [_bar(found.score, found.band, found.source)]
    if found.unavailable is not None:
        why = (
            "it made no calls" if found.unavailable == "no_calls" else "inputs and outputs of its calls are not stored"
        )
        parts.append(f"<p>The run has no score: {why}.</p>")
    said = "none" if predicted.score is None else f"{predicted.score} of 100, over {_count(predicted.attempts, 'call')}"
    unread = f"; {_count(predicted.unread, 'call')} only partly analysed" if predicted.unread else ""
    parts.append(
        _facts(
            ("Predicted", said + unread),
            ("Source analysed", ", ".join(predicted.files) or "none at hand"),
            ("Measured", "not measured" if found.measured is None else _measured(found.measured)),
            ("Method: predicted", report.method["predicted"]),
            ("Method: measured", report.method["measured"]),
            ("Method: score", report.method["score"]),
            ("Limits", report.method["limits"]),
        )
    )
    return "".join(parts)


def _bar(score: int | None, band: str | None, source: str) -> str:
    if score is None or band is None:
        return ""
    name, colour = BANDS[band]
    return (
        f"<p><strong>{score} of 100</strong> · {name} · {escape(source)}</p>"
        f'<div class="bar"><span style="width:{score}%;background:{colour}"></span></div>'
    )


def _measured(found: wire.MeasuredView) -> str:
    low, high = found.interval.low, found.interval.high
    said = [
        f"{found.score} of 100 in {found.executions} executions, 95 % interval {low:.0f}–{high:.0f}",
        f"{_time(found.at)} by {found.author}, replay {found.replay_id}",
        f"command: {found.command}",
    ]
    if not found.counts:
        said.append(f"does not count, for another program was executed: {'; '.join(found.changes)}")
    return "\n".join(said)


def _issues(report: wire.ReportAnswer) -> str:
    issues = report.determinism.issues
    open_issues = [issue for issue in issues if issue.accepted is None]
    if not open_issues:
        return "<p>None was found that is not accepted.</p>"
    return "".join(map(_issue, open_issues))


def _issue(issue: wire.IssueView) -> str:
    at = None if issue.code is None else f"{issue.code.file}:{issue.code.line} in {issue.code.function}"
    flows = ", ".join(f"{flow.action_name} at {flow.path} ({flow.action_id})" for flow in issue.flows)
    more = f", the first of {issue.action_count:,}" if issue.action_count > 1 else ""
    advice = issue.recommendation
    return (
        f'<section class="issue"><h3>{escape(issue.title)}</h3>'
        + _facts(
            ("Action", f"{issue.action_name} ({issue.action_id}){more}"),
            ("Type", issue.type),
            ("Severity", issue.severity.capitalize()),
            ("Description", issue.description),
            ("Line", at),
            ("Flows to", flows or None),
            ("Recommendation", advice.text),
        )
        + f"<pre>{_marked('-', advice.before)}\n{_marked('+', advice.after)}</pre></section>"
    )


def _marked(mark: str, text: str) -> str:
    return "\n".join(f"{mark} {escape(line)}" for line in text.splitlines())


def _accepted(report: wire.ReportAnswer) -> str:
    if not report.determinism.accepted:
        return "<p>None.</p>"
    found = {issue.key: issue for issue in report.determinism.issues}

    def words(one: wire.AcceptedIssueView) -> tuple[str, ...]:
        issue = found.get(one.key)
        about = f"{one.key} (not in this run)" if issue is None else f"{issue.title}, {issue.action_name}"
        return about, one.reason, one.author, _time(one.at)

    return _table(("Issue", "Reason", "Accepted by", "At"), map(words, report.determinism.accepted))


def _replays(report: wire.ReportAnswer) -> str:
    if not report.replays:
        return "<p>None.</p>"
    rows = _table(
        ("At", "Level", "By", "State", "Divergences", "Match rate", "Verdict"), map(_replay_row, report.replays)
    )
    return rows + "".join(map(_divergences, report.replays))


def _replay_row(one: wire.ReportedReplay) -> tuple[str, ...]:
    replay, result, metrics = one.replay, one.result, one.replay.metrics
    verdict = "" if result is None or result.comparison is None else result.comparison.verdict
    if result is not None and result.self_check is not None:
        blocking = [finding.reason for finding in result.self_check.findings if finding.blocks]
        verdict = f"replay not available: {', '.join(blocking)}" if blocking else "the recording can be replayed"
    divergences = "–" if metrics is None or metrics.divergences is None else f"{metrics.divergences:,}"
    rate = "–" if metrics is None or metrics.match_rate is None else f"{100 * metrics.match_rate:.1f} %"
    return (
        _time(replay.created_at),
        replay.level,
        replay.author,
        replay.state,
        divergences,
        rate,
        replay.error or verdict,
    )


def _divergences(one: wire.ReportedReplay) -> str:
    comparison = None if one.result is None else one.result.comparison
    if comparison is None or not comparison.divergences:
        return ""
    rows = [
        (found.kind, found.action, found.path or "", "root" if found.is_root else "")
        for found in comparison.divergences[:MOST_DIVERGENCES]
    ]
    more = len(comparison.divergences) - len(rows)
    title = f"<h3>Divergences of {_time(one.replay.created_at)}</h3>"
    rest = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    return title + _table(("Kind", "Action", "Where", ""), rows) + rest


def _versions(report: wire.ReportAnswer) -> str:
    facts = _facts(("Titan", report.titan_version), ("Code digest", report.code_digest or "no code is known"))
    return facts + "".join(map(_program, report.programs))


def _program(program: wire.ReportedProgram) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in sorted((program.packages or {}).items()))
    modules = "\n".join(f"{digest}  {path}" for path, digest in sorted(program.files.items()))
    title = "Process" if program.job_id is None else f"Job {program.job_id}"
    return f"<h3>{escape(title)}</h3>" + _facts(
        ("Command", " ".join(program.command)),
        ("Interpreter", program.interpreter or "not known"),
        ("Packages", packages or "not known"),
        ("Modules (SHA-256)", modules or "not known"),
    )


def _facts(*facts: tuple[str, str | None]) -> str:
    rows = (
        f'<tr><th scope="row">{escape(name)}</th><td>{_lines(value)}</td></tr>'
        for name, value in facts
        if value is not None
    )
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{_lines(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


_SECTIONS: Final[tuple[tuple[str, Callable[[wire.ReportAnswer], str]], ...]] = (
    ("Run", _run),
    ("Integrity of the recording", _integrity),
    ("Determinism", _score),
    ("Open issues", _issues),
    ("Accepted issues", _accepted),
    ("Replays", _replays),
    ("Versions", _versions),
)
