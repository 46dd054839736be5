"""The ports for time, ids, blobs, logs, language models and prices."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from titan.model.actions import ModelUse
from titan.model.language import ModelAnswer, ModelDelta, ModelRequest
from titan.model.retention import OldBlob


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment, aware and in UTC."""


class Ids(Protocol):
    """Makes identifiers; no two calls of one implementation return the same."""

    def dag_id(self) -> str:
        """Return an id of lower-case letters and digits; later ids sort after earlier ones."""

    def secret(self) -> str:
        """Return an unguessable string of 32 hex digits: a lease id or a token."""


class Blobs(Protocol):
    """Content named by its SHA-256 digest: written once, never changed."""

    def put(self, content: bytes) -> str:
        """Store `content` durably and return its digest. The same content twice is one blob."""

    async def put_stream(self, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> tuple[str, int]:
        """Store a stream durably without holding it in memory; return (digest, size in bytes).

        Raises:
            TooLarge: the stream was longer than `limit_bytes`; nothing was kept.
            StoreFull: the disk is full; nothing was kept.
        """

    def path(self, digest: str) -> Path | None:
        """Return a readable file with the content, or None when it is not stored."""

    def touch(self, digest: str) -> bool:
        """Renew the lease of stored content; return whether it is stored.

        Whoever is about to commit a reference to content that it did not just `put` touches it first, for what was
        put or touched is not collected for an hour.
        """

    def old(self, *, before: datetime) -> Iterator[OldBlob]:
        """Yield the blobs whose lease was last renewed before, in no order."""

    def found(self, digest: str) -> OldBlob | None:
        """Return stored content with its lease, however old that is; None when it is not stored."""

    def discard(self, blob: OldBlob) -> bool:
        """Delete a blob that nothing names, unless its lease was renewed since it was found; tell whether.

        Of one that was put within the last hour, whoever put it may be about to name it; who commits such a name
        touches the content again after that, and puts it anew where it is gone.
        """


class Logs(Protocol):
    """The output of attempts: bytes, appended by offset."""

    def append(self, lease_id: str, offset: int, content: bytes) -> int:
        """Append `content` that begins at `offset`; return the size stored now, in bytes.

        What overlaps the stored part is ignored, so a repeat changes nothing. With a gap nothing is
        appended and the size returned is smaller than `offset`.
        """

    def size(self, lease_id: str) -> int:
        """Return the stored size in bytes; 0 when the attempt wrote nothing."""

    def read(self, lease_id: str, offset: int, limit_bytes: int) -> bytes:
        """Return up to `limit_bytes` from `offset`; empty at the end."""

    def old(self, *, before: datetime) -> Iterator[tuple[str, int]]:
        """Yield (lease id, size in bytes) of the logs last written before, in no order."""

    def discard(self, lease_id: str) -> None:
        """Delete a log. One that is not there is fine."""


class LanguageModel(Protocol):
    """Answers conversations. tests/contract/test_language_model.py is its specification."""

    @property
    def name(self) -> str:
        """The address it was opened with, without anything secret: "gemini/gemini-2.5-flash"."""

    @property
    def provider(self) -> str | None:
        """Who serves it, by OpenTelemetry's `gen_ai.provider.name`: "openai"; None where that is not known."""

    async def complete(self, request: ModelRequest) -> ModelAnswer:
        """Return the model's answer; what it costs to be ready (a process, a connection) is paid by the first call.

        Calls may overlap; a model that serves one at a time serves them in the order they came. A cancelled
        call leaves the queue. The schema is handed to the model, but not every model obeys it: check the text.

        Raises:
            ModelUnavailable: no answer, or overloaded; may be retried.
            ModelRefused: the endpoint will not answer this request; a retry never helps.
            ModelNotConfigured: something the model needs (its key) is missing.
            NotSupported: it cannot do what is asked, such as call tools.
        """

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelAnswer, None]:
        """Yield the answer's pieces as the model says them, and at the end the whole answer.

        The pieces joined are the answer. Some requests cannot be answered in pieces: then there is one, at the end.
        Close it (`contextlib.aclosing`): that takes the question back from the model.

        Raises:
            As `complete`; ModelUnavailable also after some pieces, when the model breaks off.
        """

    async def close(self) -> None:
        """Release connections and processes. May be called twice, and without any `complete` before."""


class Prices(Protocol):
    """Knows what models cost."""

    def cost_of(self, use: ModelUse, *, at: datetime) -> Decimal | None:
        """Return US dollars; None when the model, or how much was used, is unknown. Never asks the network."""
