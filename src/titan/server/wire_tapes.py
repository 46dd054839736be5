"""The wire of tapes: whether what was recorded of a run is still what it was."""

from typing import Annotated

from msgspec import Meta, Struct


class BrokenEntry(Struct, kw_only=True):
    """The first entry of a tape that is not as it was appended."""

    entry: Annotated[int, Meta(description="Its place in the tape, from 1.")]
    action_id: Annotated[str | None, Meta(description="null: it is about the run, or nobody knows any more.")]
    found: Annotated[str, Meta(description="What is wrong with it.")]


class ChainAnswer(Struct, kw_only=True):
    """What became of computing all links of a tape anew."""

    run_id: str
    verified: bool
    entries: Annotated[int, Meta(description="How many the tape holds.")]
    link: Annotated[
        str, Meta(description="SHA-256 after the last entry that is right: of a whole tape, what stands for all of it.")
    ]
    broken: BrokenEntry | None
