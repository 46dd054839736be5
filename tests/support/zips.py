"""Zip archives to upload, ordinary and malicious."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping


def a_zip(files: Mapping[str, bytes | str], *, modes: Mapping[str, int] | None = None, level: int = 6) -> bytes:
    """Return a zip of `files`; a name that ends with `/` is a folder. `modes` are st_modes by name."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(entry, content, compresslevel=level)
    return packed.getvalue()


def marked_encrypted(content: bytes) -> bytes:
    """Return a zip whose first entry says that it is encrypted, in both places where that is said."""
    central = content.index(b"PK\x01\x02")
    changed = bytearray(content)
    changed[6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


def a_directory_entry(name: bytes, *, offset: int = 0, extra: bytes = b"") -> bytes:
    """Return what a zip's directory says of an empty file, whose content is at `offset` (APPNOTE 4.3.12)."""
    head = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 0x314, 20, 0, 0, 0, 0x21, 0, 0, 0, len(name), len(extra), 0, 0, 0, 0, offset
    )
    return head + name + extra


def a_listing_zip(
    directory: bytes,
    *,
    count: int = 1,
    size: int | None = None,
    offset: int | None = None,
    size_64: int | None = None,
    comment: bytes = b"",
) -> bytes:
    """Return a zip of one empty file without a name, and this directory; what its end says of that may be a lie.

    `size_64` is what the end says in the form for large zips, in which the other one's numbers do not count.
    """
    content = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0x21, 0, 0, 0, 0, 0)
    size, offset = len(directory) if size is None else size, len(content) if offset is None else offset
    end_64 = b""
    if size_64 is not None:
        end_64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size_64, offset)
        end_64 += struct.pack("<4sLQL", b"PK\x06\x07", 0, len(content) + len(directory), 1)
    return content + directory + end_64 + an_end(count, size, offset, comment)


def an_end(count: int, size: int, offset: int, comment: bytes = b"") -> bytes:
    """Return what stands at a zip's end: how many entries its directory has, how long it is and where."""
    return struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, size, offset, len(comment)) + comment


def a_unicode_path(name: bytes, path: str) -> bytes:
    """Return the extra field that gives an entry another path (Info-ZIP's 0x7075), which newer Pythons go by."""
    field = struct.pack("<BL", 1, zlib.crc32(name)) + path.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field
