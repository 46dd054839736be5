"""Suggest similar names for a misspelled one: "reserch-agent" → "research-agent"."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

MOST: Final = 3  # more are no help
LIKE: Final = 0.6  # share of equal letters: difflib's default


def similar_names(meant: str, names: Collection[str]) -> list[str]:
    """Return up to 3 of `names` similar to `meant`, then those that contain it; none when it is known or ""."""
    if not meant or meant in names:
        return []
    wanted = meant.casefold()
    known = {name.casefold(): name for name in sorted(names)}
    close = get_close_matches(wanted, known, n=MOST, cutoff=LIKE)
    holding = [name for name in known if wanted in name and name not in close]
    return [known[name] for name in [*close, *holding][:MOST]]
