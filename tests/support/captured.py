"""Requests of foreign clients as a server heard them: one JSON object a line, captured from the real packages."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.support.sources import ROOT

#: Headers that a server may heed, beside those that begin with `x-` (but for `x-stainless-…`).
HEEDED: Final = {"authorization", "content-encoding", "content-type", "openai-beta", "user-agent"}
_IS_OWN: Final = re.compile("x-(?!stainless-)")  # those of openai tell of a machine
NO_SECRET: Final = "none"  # stands where a client showed what it holds


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedRequest:
    """One request."""

    method: str
    path: str  #: with its query
    headers: dict[str, str]  #: names in lower case; those that tell who sent it
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request, and what it was answered."""

    request: CapturedRequest
    status: int
    answer: bytes


def captured_requests(file: str | Path) -> Iterator[CapturedRequest]:
    """Yield the requests of a file below tests/, in the order they came."""
    for line in (ROOT / "tests" / file).read_text("utf-8").splitlines():
        yield _request(json.loads(line))


def read_exchanges(file: Path) -> list[Exchange]:
    """Return what `write_exchanges` wrote."""
    told = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    return [Exchange(request=_request(one), status=one["status"], answer=_content(one, "answer")) for one in told]


def write_exchanges(file: Path, exchanges: Iterable[Exchange]) -> None:
    """Write exchanges, one a line; content that is no text in base 64."""
    file.write_text("".join(f"{json.dumps(_line(one))}\n" for one in exchanges), "utf-8")


def content_of(request: CapturedRequest) -> bytes:
    """Return a request's body as it was before the client packed it."""
    is_packed = request.headers.get("content-encoding") == "gzip"
    return gzip.decompress(request.body) if is_packed else request.body


def with_words(request: CapturedRequest, words: Mapping[bytes, bytes]) -> CapturedRequest:
    """Return a request with other words in its body, each as long as the one that it stands for."""
    content = content_of(request)
    for old, new in words.items():
        assert len(old) == len(new), "protobuf counts its bytes"
        content = content.replace(old, new)
    if content == content_of(request):
        return request
    is_packed = request.headers.get("content-encoding") == "gzip"
    return replace(request, body=gzip.compress(content) if is_packed else content)


def without_secret(request: CapturedRequest) -> CapturedRequest:
    """Return a request with the headers that matter; of the one that shows a secret the scheme."""
    kept = {name: value for name, value in request.headers.items() if name in HEEDED or _IS_OWN.match(name)}
    if "authorization" in kept:
        kept["authorization"] = f"{kept['authorization'].partition(' ')[0]} {NO_SECRET}"
    return replace(request, headers=kept)


def with_secret(headers: Mapping[str, str], secret: str | None) -> dict[str, str]:
    """Return the headers of a request without its secret as somebody sends them who holds one."""
    if secret is None or "authorization" not in headers:
        return dict(headers)
    return {**headers, "authorization": headers["authorization"].replace(NO_SECRET, secret)}


def _request(fields: dict[str, Any]) -> CapturedRequest:
    method, path, headers = fields["method"], fields["path"], fields["headers"]
    return CapturedRequest(method=method, path=path, headers=headers, body=_content(fields, "body"))


def _content(fields: dict[str, Any], name: str) -> bytes:
    if name in fields:
        return str(fields[name]).encode()
    return base64.b64decode(fields[f"{name}_base64"])


def _line(exchange: Exchange) -> dict[str, object]:
    asked = exchange.request
    head = {"method": asked.method, "path": asked.path, "headers": asked.headers}
    return {**head, **_kept("body", asked.body), "status": exchange.status, **_kept("answer", exchange.answer)}


def _kept(name: str, content: bytes) -> dict[str, str]:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(content).decode()}
