"""Results of jobs: JSON that a job sets, and that later jobs and the submitter read.

A value that JSON cannot represent is an error, which names its place:

- NaN and infinities. Store None, or a text.
- Whole numbers beyond 64 bits (below -2**63 or above 2**64 - 1): most readers would round them. Store a text.
- Keys that are no text: JSON would turn 1 into "1", and two keys into one.
- Dates, bytes, Decimals, sets and other objects. Convert them yourself.

Floats come back exactly as they were, tuples as lists.
"""

from __future__ import annotations

import os

from titan_sdk.client import TitanClient
from titan_sdk.errors import InvalidInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_SMALLEST, _LARGEST = -(2**63), 2**64 - 1
_DEEPEST = 200  # the server's parser stops at 1,000; a result this deep is a mistake


def set_result(value: object) -> None:
    """Set the result of this job, durably; a second call replaces it.

        titan_sdk.set_result({"accuracy": 0.93, "files": ["model.bin"]})

    It is kept whatever the attempt's outcome; a later attempt begins without a result.

    Raises:
        InvalidInput: JSON cannot represent it (see the module), or this is no job. Nothing was stored.
        TooLarge: over 1 MiB.
        StaleLease: the attempt is no longer this job's.
    """
    for problem in _problems(value, "$", 0):
        raise problem
    if not os.environ.get("TITAN_JOB_ID"):
        raise InvalidInput(
            subject="set_result",
            expected="to be called by a job",
            found="no TITAN_JOB_ID in the environment",
            next_step="Outside of jobs, share values with TitanClient().store_put(key, value).",
        )
    with TitanClient() as client:
        client.transport.request_json("PUT", "/api/result", body={"value": value})


def result(job: str) -> Any:  # the shape is up to the job
    """Return the result of another job, such as a parent; None when it has set none.

        titan_sdk.result("train")["accuracy"]  # -> 0.93

    A plain name means a job of this job's own run, else the newest of that name.

    Raises:
        UnknownJob: there is none.
    """
    with TitanClient() as client:
        return client.result(job)


def _problems(value: object, where: str, depth: int) -> Iterator[InvalidInput]:
    if depth > _DEEPEST:
        yield _problem(where, f"at most {_DEEPEST} levels", "more (does it contain itself?)", "Flatten it.")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield _problem(where, "keys that are text", f"the key {key!r}", f"Use {str(key)!r}.")
            yield from _problems(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _problems(item, f"{where}[{index}]", depth + 1)
    elif isinstance(value, int | float):
        yield from _number_problems(value, where)
    elif not isinstance(value, str | None):
        found = f"{type(value).__name__} {value!r:.80}"
        yield _problem(where, "what JSON can hold", found, "Turn it into text, numbers, lists, dicts.")


def _number_problems(number: object, where: str) -> Iterator[InvalidInput]:
    if isinstance(number, float) and number - number != 0:  # only NaN and infinities do this
        yield _problem(where, "a number that JSON has", repr(number), "Use None, or a text.")
    elif isinstance(number, int) and not _SMALLEST <= number <= _LARGEST:
        yield _problem(where, "a whole number of 64 bits", f"one of {number.bit_length()} bits", "Use a text.")


def _problem(where: str, expected: str, found: str, next_step: str) -> InvalidInput:
    return InvalidInput(
        subject=f"result at {where}", expected=expected, found=found, next_step=f"{next_step} Nothing was stored."
    )
