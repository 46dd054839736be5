"""What a fork, or a run that is resumed, is to do: `titan fork`, `titan runs resume` write it, programs read it."""

from __future__ import annotations

from dataclasses import dataclass, field

from titan_sdk.stages import FORK, FORK_RUN

__all__ = ["FORK", "FORK_RUN", "Plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a fork, or a run that is resumed, is to do; written by `titan fork` and `titan runs resume`."""

    recording: str  #: a file: the export of the parent, in JSON Lines
    parent_run_id: str
    run_id: str  #: of the fork; of a run that is resumed, its own
    ledger: str  #: a file: a line of JSON for each live call, and for the edit; all processes of the fork share it
    at: str | None = None  #: the action that is edited; None: the code is
    exact_after: str = ""  #: when it started, as the recording has it: what started later answers equal inputs alone
    outputs: str | None = None  #: what that action gives, in the typed encoding …
    inputs: str | None = None  #: … or what its function is called with
    live: list[str] = field(default_factory=list)  #: actions that may run
    max_usd: str = "0"  #: of live calls together
    max_calls: int = 0  #: of these

    @property
    def is_resumed(self) -> bool:
        """Whether the run itself goes on: without limits, and without a second record of what was answered."""
        return self.run_id == self.parent_run_id
