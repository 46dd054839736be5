"""Stored content on its way out: in parts, under a name, as a media type that no browser runs."""

import os
import re
from collections.abc import AsyncIterator, Mapping
from typing import BinaryIO, Final
from urllib.parse import quote

from litestar.response import Stream

from titan.model.errors import InvalidInput, RangeRefused
from titan.rules.names import as_filename, shown
from titan.server.http.call import Call
from titan.server.http.responses import BYTES
from titan.server.lookup import open_blob

CHUNK_BYTES: Final = 256 * 1024
TEXT: Final = "text/plain"  # the framework adds the charset, UTF-8

#: By the ending of the name. What a browser would run (HTML, SVG, XML, scripts) is never more than bytes or plain text.
MEDIA_TYPES: Final = {
    "csv": TEXT,
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "log": TEXT,
    "md": TEXT,
    "png": "image/png",
    "py": TEXT,
    "sh": TEXT,
    "toml": TEXT,
    "tsv": TEXT,
    "txt": TEXT,
    "webp": "image/webp",
    "yaml": TEXT,
    "yml": TEXT,
}
_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9 !#$&+.^_`|~()\[\]{}@,;=-]")  # not in a quoted file name, RFC 6266


def stored_content(call: Call, digest: str, *, name: str = "", headers: Mapping[str, str] | None = None) -> Stream:
    """Return the content of `digest`, or the part that the header Range asks for.

    `name` makes it a download of that name, as far as a file can have it, unless `headers` say otherwise.

    Raises:
        UnknownArtifact: it is not stored.
        RangeRefused: the range begins behind the end.
    """
    named = {"Content-Disposition": disposition(as_filename(name))} if name else {}
    how = named if headers is None else headers
    file = open_blob(call.app.blobs, digest)
    size_bytes = os.fstat(file.fileno()).st_size
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{digest}"',
        "Titan-Digest": digest,
        **how,
    }
    try:
        part = _asked_part(call, digest, size_bytes)
    except RangeRefused:
        file.close()
        raise
    start, end = part or (0, size_bytes)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    headers["Content-Length"] = str(end - start)
    return Stream(
        _chunks(file, start, end), media_type=media_type(name), headers=headers, status_code=206 if part else 200
    )


def shown_as_image(name: str) -> dict[str, str]:
    """Return the headers with which a browser shows an image of this name, and does nothing else with it.

    Raises:
        InvalidInput: the name does not end as that of an image which cannot hold a script.
    """
    if not media_type(name).startswith("image/"):
        raise InvalidInput(
            f"content to be shown as {shown(name)}",
            expected="a name that ends in .png, .jpg, .jpeg, .gif or .webp",
            found="another" if name else "none",
            next_step="Leave out `inline`, and save it.",
        )
    return {
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=31536000, immutable",
    }


def media_type(name: str) -> str:
    """Return the type that the ending of a file name says, where it is a harmless one; else that of bytes."""
    return MEDIA_TYPES.get(name.rpartition(".")[2].lower(), BYTES) if "." in name else BYTES


def disposition(name: str) -> str:
    """Return the header that has a browser save a file as `name`; RFC 6266, with a plain spelling for old readers."""
    return f"attachment; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def _asked_part(call: Call, digest: str, size_bytes: int) -> tuple[int, int] | None:
    """Return where the one part that is asked for begins and ends; None for all of it.

    Several parts at once, and what is no range of bytes, are answered with the whole, as RFC 9110 (14.2) allows.
    """
    found = _RANGE.fullmatch((call.header("range") or "").strip())
    if found is None or call.header("if-range") not in (None, f'"{digest}"'):
        return None
    first, last, suffix = found.groups()
    start = max(0, size_bytes - int(suffix)) if suffix else int(first)
    end = min(size_bytes, int(last) + 1) if last else size_bytes
    if last and int(last) < start:
        return None
    if start >= size_bytes:
        raise RangeRefused(
            f"content {digest}",
            expected=f"a range that begins before its end at {size_bytes} bytes",
            found=f"{found.group()}",
            next_step="Ask without the header Range for all of it.",
        )
    return start, end


async def _chunks(file: BinaryIO, start: int, end: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (chunk := file.read(min(CHUNK_BYTES, end - start))):
            start += len(chunk)
            yield chunk
