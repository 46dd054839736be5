"""Zip archives as users, and those who mean no good, would upload them."""

from __future__ import annotations

import io
import zipfile
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
