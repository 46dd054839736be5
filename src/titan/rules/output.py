"""How much of an attempt's output is stored: up to a limit, then a line that says it was cut."""


def within_limit(content: bytes, *, offset: int, limit_bytes: int) -> bytes:
    """Return what is stored of a part of an output that begins at `offset`; 0 is no limit."""
    if not limit_bytes or offset + len(content) <= limit_bytes:
        return content
    return content[: max(0, limit_bytes - offset)] + _cut_line(limit_bytes)[max(0, offset - limit_bytes) :]


def is_cut(size_bytes: int, *, limit_bytes: int) -> bool:
    """Return whether an output of which so much is stored ends with the line that says it was cut."""
    return bool(limit_bytes) and size_bytes >= limit_bytes + len(_cut_line(limit_bytes))


def _cut_line(limit_bytes: int) -> bytes:
    size = f"{limit_bytes / 1e6:g} MB"
    return f"\n[titan] output cut here: more than {size}; TITAN_MAX_LOG_BYTES sets the limit\n".encode()
