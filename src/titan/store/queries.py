"""Load the SQL of the stores: named queries from .sql files, and schemas with their versions.

A file of queries is a list of blocks, each under a line that names it:

    -- fragment: job_columns
    id, name, status

    -- name: job
    select {job_columns} from jobs where id = :job_id

A fragment replaces `{job_columns}` in the queries of its own file, and of files of that name in later folders.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from titan.model.errors import SchemaMismatch

SQL_FOLDER: Final = Path(__file__).parent / "sql"
#: The name in a store's table `meta` of its schema version.
VERSION_NAME: Final = "schema_version"

#: What the databases write differently, by pattern: each(:ids) is the list of a JSON array's items.
SQLITE: Final = {
    r"\beach(?:_number)?\((:\w+)\)": r"(select value from json_each(\1))",
    r"\bilike (:\w+)": r"like \1 escape '\\'",
}
POSTGRES: Final = {
    r"\beach\((:\w+)\)": r"(select json_array_elements_text(cast(\1 as json)))",
    r"\beach_number\((:\w+)\)": r"(select cast(json_array_elements_text(cast(\1 as json)) as bigint))",
}

_HEADER: Final = re.compile(r"^-- (name|fragment): ([a-z_]+)[ ]*$", re.MULTILINE)
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
_VERSION: Final = re.compile(r"^-- version: (\d+)$", re.MULTILINE)


def load_queries(
    *folders: Path,
    fragments: Mapping[str, str] = MappingProxyType({}),
    dialect: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, str]:
    """Return name → SQL text of all .sql files in `folders`; each file may use `fragments`.

    A query in a later folder replaces the one of the same name.

    Raises:
        ValueError: a name is used twice in one folder, or a fragment is missing.
    """
    queries: dict[str, str] = {}
    of_files = defaultdict[str, dict[str, str]](lambda: dict(fragments))
    for folder in folders:
        in_folder: dict[str, str] = {}
        for file in sorted(folder.glob("*.sql")):
            for name, text in _queries_of_file(file, of_files[file.name]):
                if name in in_folder:
                    raise ValueError(f"{file}: the query {name!r} stands twice in {folder}")
                for pattern, replacement in dialect.items():
                    text = re.sub(pattern, replacement, text)
                in_folder[name] = text
        queries |= in_folder
    return queries


def _queries_of_file(file: Path, fragments: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and text of the file's queries; `fragments` grows by those of the file."""
    blocks = list(_blocks(file.read_text(encoding="utf-8")))
    fragments.update((name, text) for kind, name, text in blocks if kind == "fragment")
    for kind, name, text in blocks:
        if missing := set(_PLACE.findall(text)) - fragments.keys():
            raise ValueError(f"{file}: the query {name!r} uses {sorted(missing)}, not in the file")
        if kind == "name":
            yield name, _PLACE.sub(lambda place: fragments[place[1]], text)


def _blocks(source: str) -> Iterator[tuple[str, str, str]]:
    """Yield (kind, name, text) of each block; what precedes the first header is a comment."""
    headers = list(_HEADER.finditer(source))
    ends = [header.start() for header in headers[1:]] + [len(source)]
    for header, end in zip(headers, ends, strict=True):
        yield header[1], header[2], source[header.end() : end].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The SQL that a new store is made from."""

    version: int  #: raised with every change of `sql`
    sql: str
    steps: Mapping[int, str]  #: version → the SQL that upgrades a store of the version before to it

    @property
    def oldest(self) -> int:
        """The oldest version that can be upgraded."""
        return self.version - len(self.steps)

    def steps_from(self, found: int) -> list[str]:
        """Return the SQL that upgrades a store of version `found`, in order."""
        return [self.steps[version] for version in range(found + 1, self.version + 1)]

    def check(self, subject: str, *, found: int, instead: str) -> None:
        """Return when a store's version `found` is this schema's, or can be upgraded to it.

        `instead` names what else the user could open.

        Raises:
            SchemaMismatch: it is newer, or too old.
        """
        if self.oldest <= found <= self.version:
            return
        whose = "a newer Titan" if found > self.version else "an older Titan"
        raise SchemaMismatch(
            subject,
            expected=f"schema version {self.oldest}{f' to {self.version}' if self.steps else ''}",
            found=f"version {found}, of {whose}",
            next_step=f"It was left as it is: export what you need with the Titan that made it, or {instead}.",
        )


def load_schema(folder: Path) -> Schema:
    """Return the schema in `schema.sql` of a folder, with its upgrades in `migrations`.

    One line of `schema.sql` reads `-- version: 13`; `migrations/0013.sql` upgrades a store of version 12.

    Raises:
        ValueError: there is no such line, or several; or a step is missing before the last.
    """
    sql = (folder / "schema.sql").read_text(encoding="utf-8")
    version = int(*_VERSION.findall(sql))
    steps = {int(file.stem): file.read_text(encoding="utf-8") for file in sorted(folder.glob("migrations/*.sql"))}
    if list(steps) != list(range(version - len(steps) + 1, version + 1)):
        raise ValueError(f"{folder}: expected a step to version {version} and to each before it; found {list(steps)}")
    return Schema(version=version, sql=sql, steps=steps)
