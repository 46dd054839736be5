"""What every blob store promises: content by its digest, whole or not at all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from titan.model.errors import TooLarge
from titan.ports.runtime import Blobs
from titan.store.blobs import FolderBlobs

MIB = 1024 * 1024

#: Opens the blobs of a home; another implementation is one more entry.
BLOBS: dict[str, Callable[[Path], Blobs]] = {"folder": lambda home: FolderBlobs(home / "blobs")}


@pytest.fixture(params=sorted(BLOBS))
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Return an empty blob store."""
    return BLOBS[request.param](tmp_path)


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content_of(blobs: Blobs, digest: str) -> bytes | None:
    path = blobs.path(digest)
    return None if path is None else path.read_bytes()


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def put_stream(blobs: Blobs, chunks: Iterable[bytes], *, limit_bytes: int = 64 * MIB) -> tuple[str, int]:
    return asyncio.run(blobs.put_stream(stream(chunks), limit_bytes=limit_bytes))


@pytest.mark.parametrize("content", [b"", b"x", b"\x00\xff\r\n" * MIB], ids=len)
def test_content_is_found_by_its_digest(blobs: Blobs, content: bytes) -> None:
    digest = blobs.put(content)

    assert digest == digest_of(content)
    assert content_of(blobs, digest) == content


@pytest.mark.parametrize(
    "chunks",
    [[], [b""], [b"x"], [b"ab", b"", b"cd"], [b"x" * (3 * MIB)], [b"y" * 1000] * 5000],
    ids=["nothing", "an empty chunk", "a byte", "small chunks", "a large chunk", "5 MB in small chunks"],
)
def test_a_stream_is_stored_as_its_whole(blobs: Blobs, chunks: list[bytes]) -> None:
    content = b"".join(chunks)

    digest, size_bytes = put_stream(blobs, chunks)

    assert (digest, size_bytes) == (digest_of(content), len(content))
    assert content_of(blobs, digest) == content


def test_the_same_content_twice_is_one_blob(blobs: Blobs) -> None:
    first = blobs.put(b"content")

    with ThreadPoolExecutor(8) as threads:
        others = set(threads.map(lambda _turn: blobs.put(b"content"), range(32)))

    assert others == {first} == {put_stream(blobs, [b"con", b"tent"])[0]}
    assert content_of(blobs, first) == b"content"


def test_a_stream_of_exactly_the_limit_is_stored(blobs: Blobs) -> None:
    digest, _size = put_stream(blobs, [b"12345", b"67890"], limit_bytes=10)

    assert content_of(blobs, digest) == b"1234567890"


def test_a_stream_over_the_limit_is_refused_and_not_kept(blobs: Blobs) -> None:
    chunks = [b"x" * MIB, b"x" * MIB, b"x"]

    with pytest.raises(TooLarge, match=f"at most {2 * MIB} bytes"):
        put_stream(blobs, chunks, limit_bytes=2 * MIB)

    assert content_of(blobs, digest_of(b"".join(chunks))) is None


def test_a_stream_that_breaks_off_is_not_kept(blobs: Blobs) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * (2 * MIB)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        asyncio.run(blobs.put_stream(broken(), limit_bytes=64 * MIB))

    assert content_of(blobs, digest_of(b"x" * (2 * MIB))) is None


def test_a_cancelled_upload_is_not_kept_and_the_next_one_works(blobs: Blobs) -> None:
    async def endless(began: asyncio.Event) -> AsyncIterator[bytes]:
        while True:
            yield b"x" * MIB
            began.set()

    async def cancel_while_writing() -> None:
        began = asyncio.Event()
        upload = asyncio.create_task(blobs.put_stream(endless(began), limit_bytes=2**40))
        await began.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload

    asyncio.run(cancel_while_writing())

    assert content_of(blobs, put_stream(blobs, [b"next"])[0]) == b"next"


@pytest.mark.parametrize(
    "digest",
    ["", "0" * 64, "../" * 22, "a" * 63, "A" * 64, f"{'a' * 64}\n", "incoming", "/etc/passwd"],
)
def test_a_digest_without_stored_content_has_no_path(blobs: Blobs, digest: str) -> None:
    blobs.put(b"content")

    assert blobs.path(digest) is None


def test_content_is_found_with_its_lease_and_discarded_only_while_nobody_renews_it(blobs: Blobs) -> None:
    digest = blobs.put(b"old")
    found, renewed = blobs.found(digest), blobs.touch(digest)

    assert found is not None
    assert (found.digest, found.size_bytes, renewed) == (digest, 3, True)
    assert not blobs.discard(found)
    found = blobs.found(digest)
    assert found is not None
    assert blobs.discard(found)
    assert blobs.found(digest) is None
