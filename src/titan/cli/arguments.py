"""Parse options: offers, lengths of time, settings for all jobs or for one."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from titan.cli.exit_codes import usage_error
from titan.rules.names import LABEL

ValueT = TypeVar("ValueT")

_MAX_SLOTS = 1024  # far above any machine's cores; a typing error should not become 10**9 processes

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)?")
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.I)
_SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


def parse_offers(texts: Sequence[str]) -> dict[str, int]:
    """Return slots by label: `["GENERAL:4", "GPU:1"]` gives `{"GENERAL": 4, "GPU": 1}`."""
    offers: dict[str, int] = {}
    for text in texts:
        label, slots = _parse_offer(text)
        if label in offers:
            found = f"{label} offered before as {label}:{offers[label]}"
            raise usage_error(f"--offer {text!r}", "each label once", found, "Add the slots up in one --offer.")
        offers[label] = slots
    return offers


def parse_host_names(texts: Sequence[str]) -> frozenset[str]:
    """Return names of hosts in lower case: `["Titan.example.org"]` gives `{"titan.example.org"}`."""
    for text in texts:
        if not _HOST_NAME.fullmatch(text):
            expected, example = "a host name or an IPv4 address, without scheme and port", "titan.example.org"
            raise usage_error(f"--allow-host {text!r}", expected, repr(text), f"For example: --allow-host {example}")
    return frozenset(text.lower() for text in texts)


def parse_seconds(option: str, text: str) -> float:
    """Return a length of time in seconds: `90`, `90s`, `1.5m`, `2h`, `1d` or `250ms`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise usage_error(f"{option} {text!r}", "a length of time such as 90, 90s, 5m, 2h or 250ms", repr(text))
    amount, unit = match.groups()
    return float(amount) * _SECONDS_PER_UNIT[unit or "s"]


def parse_whole_number(option: str, text: str) -> int:
    """Return `text` as an integer; the server checks its range."""
    try:
        return int(text)
    except ValueError:
        raise usage_error(f"{option} {text!r}", "a whole number", repr(text)) from None


def parse_text(_option: str, text: str) -> str:
    """Return `text` as it is."""
    return text


def parse_arguments(texts: Sequence[str], tail: Sequence[str], job_names: Sequence[str]) -> dict[str, list[str]]:
    """Return the arguments by job: all of `texts` and `tail` for one job, `JOB=TEXT` for several.

    `tail` are the words after `--` on the command line.
    """
    if len(job_names) == 1:
        return {job_names[0]: [*texts, *tail]}
    if tail:
        next_step = f"Say whose they are: --arg {job_names[0]}={tail[0]}"
        raise usage_error("arguments after --", "a single script", f"{len(job_names)} scripts", next_step)
    arguments: dict[str, list[str]] = {}
    for text in texts:
        job_name, _, value = text.partition("=")
        require_job(f"--arg {text!r}", job_name, job_names)
        arguments.setdefault(job_name, []).append(value)
    return arguments


def parse_environment(texts: Sequence[str]) -> dict[str, str]:
    """Return `KEY=VALUE` texts as a mapping; the last of a repeated key wins."""
    environment = {}
    for text in texts:
        key, separator, value = text.partition("=")
        if not separator or not key:
            raise usage_error(f"--env {text!r}", "KEY=VALUE", repr(text))
        environment[key] = value
    return environment


def parse_per_job(
    option: str, texts: Sequence[str], job_names: Sequence[str], parse: Callable[[str, str], ValueT]
) -> dict[str, ValueT]:
    """Return a setting by job, given as `VALUE` (all jobs), `JOB=VALUE` (that job), or both; {} leaves it out."""
    for_all: dict[str, ValueT] = {}
    by_job: dict[str, ValueT] = {}
    for text in texts:
        job_name, separator, value = text.partition("=")
        if separator:
            require_job(f"{option} {text!r}", job_name, job_names)
            by_job[job_name] = parse(option, value)
        else:
            for_all = dict.fromkeys(job_names, parse(option, text))
    return for_all | by_job


def require_job(subject: str, job_name: str, job_names: Sequence[str]) -> None:
    """Raise a usage error unless `job_name` is a job of this submission."""
    if job_name not in job_names:
        raise usage_error(subject, f"a job of this submission ({', '.join(job_names)})", repr(job_name))


def _parse_offer(text: str) -> tuple[str, int]:
    label, separator, slots = text.partition(":")
    if not separator or not LABEL.fullmatch(label):
        expected = "LABEL:N, the label 1 to 64 ASCII letters, digits or _ . - (first a letter, digit or _)"
        raise usage_error(f"--offer {text!r}", expected, repr(text), "For example --offer GENERAL:4.")
    if not re.fullmatch(r"[0-9]{1,4}", slots) or int(slots) > _MAX_SLOTS:
        expected = f"a number of slots from 0 to {_MAX_SLOTS} after the colon"
        raise usage_error(f"--offer {text!r}", expected, repr(slots), f"For example --offer {label}:4.")
    return label, int(slots)
