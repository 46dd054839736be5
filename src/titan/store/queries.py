"""Named queries: SQL texts live in .sql files and are asked for by name.

A file is a list of blocks, each under a line that names it:

    -- fragment: job_columns
    id, name, status

    -- name: job
    select {job_columns} from jobs where id = :job_id

A fragment stands in for `{job_columns}` in the queries of its own file, and of its namesakes in later folders.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

_HEADER = re.compile(r"^-- (name|fragment): ([a-z_]+)[ ]*$", re.MULTILINE)
_PLACE = re.compile(r"\{([a-z_]+)\}")


def load_queries(*folders: Path, fragments: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """Return name → SQL text of all .sql files in `folders`; each file may use `fragments`.

    A query in a later folder replaces the one of the same name, so a dialect states only what differs.

    Raises:
        ValueError: a name stands twice in one folder, or a fragment is missing.
    """
    queries: dict[str, str] = {}
    of_files = defaultdict[str, dict[str, str]](lambda: dict(fragments))
    for folder in folders:
        queries.update(_queries_of_folder(folder, of_files))
    return queries


def _queries_of_folder(folder: Path, fragments: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the folder's queries; `fragments`, by the name of their file, grows by the folder's own."""
    queries: dict[str, str] = {}
    for file in sorted(folder.glob("*.sql")):
        for name, text in _queries_of_file(file, fragments[file.name]):
            if name in queries:
                raise ValueError(f"{file}: the query {name!r} stands twice in {folder}")
            queries[name] = text
    return queries


def _queries_of_file(file: Path, fragments: dict[str, str]) -> Iterator[tuple[str, str]]:
    blocks = list(_blocks(file.read_text(encoding="utf-8")))
    fragments.update((name, text) for kind, name, text in blocks if kind == "fragment")
    for kind, name, text in blocks:
        if missing := set(_PLACE.findall(text)) - fragments.keys():
            raise ValueError(f"{file}: the query {name!r} uses {sorted(missing)}, not in the file")
        if kind == "name":
            yield name, _PLACE.sub(lambda place: fragments[place[1]], text)


def _blocks(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, text) of each block; what stands before the first header is a comment."""
    headers = list(_HEADER.finditer(source))
    ends = [header.start() for header in headers[1:]] + [len(source)]
    for header, end in zip(headers, ends, strict=True):
        yield header[1], header[2], source[header.end() : end].strip()
