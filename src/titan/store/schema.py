"""A store's schema: the SQL that a new store is made from, and the version that an opened one must have."""

import re
from dataclasses import dataclass
from pathlib import Path

from titan.model.errors import SchemaMismatch

#: The name in a store's table `meta` under which its version stands.
VERSION_NAME = "schema_version"

_VERSION = re.compile(r"^-- version: (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a store consists of."""

    version: int  #: raised with every change of `sql`
    sql: str

    def check(self, subject: str, *, found: int, instead: str) -> None:
        """Return when a store has the version `found` that this schema has; `instead`: what else could be opened.

        Raises:
            SchemaMismatch: it has another.
        """
        if found == self.version:
            return
        whose = "a newer Titan" if found > self.version else "an older Titan"
        raise SchemaMismatch(
            subject,
            expected=f"schema version {self.version}",
            found=f"version {found}, of {whose}",
            next_step=f"It was left as it is: export what you need with the Titan that made it, or {instead}.",
        )


def load_schema(folder: Path) -> Schema:
    """Return the schema in `schema.sql` of a folder; a line of it says `-- version: 13`.

    Raises:
        ValueError: no line says it, or several do.
    """
    sql = (folder / "schema.sql").read_text(encoding="utf-8")
    [version] = _VERSION.findall(sql)
    return Schema(version=int(version), sql=sql)
