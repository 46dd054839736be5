"""Requests of foreign clients as a server heard them: one JSON object a line, captured from the real packages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sources import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRequest:
    """One request."""

    method: str
    path: str  #: with its query
    headers: dict[str, str]  #: names in lower case; those that tell who sent it
    body: bytes


def captured_requests(file: str | Path) -> Iterator[CapturedRequest]:
    """Yield the requests of a file below tests/, in the order they came."""
    for line in (ROOT / "tests" / file).read_text("utf-8").splitlines():
        fields = json.loads(line)
        yield CapturedRequest(**{**fields, "body": fields["body"].encode()})
