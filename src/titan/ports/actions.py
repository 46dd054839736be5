"""What the store of recorded runs knows of the actions in them: one by one, in sum, and listed over all runs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from titan.model.runs import Action, ActionFacts, Count, OutcomeSums


class FlatRun(Struct, frozen=True, kw_only=True):
    """All actions of a run, without content: what its totals are computed from."""

    version: int  #: of the newest change of its actions
    actions: Sequence[ActionFacts]  #: in no order
    counts: Mapping[int, Count]  #: by number, of those that are stored to count otherwise than alone


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls the ledger shows. None asks for nothing."""

    outcomes: frozenset[str] = frozenset()  #: "running" are those without one yet; empty: all
    name: str | None = None
    kinds: frozenset[str] = frozenset()  #: empty: all kinds of calls
    agent_id: str | None = None
    run_id: str | None = None
    min_cost: Decimal | None = None
    max_cost: Decimal | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None  #: words, all of which stand in what was recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """Some of the calls that a filter leaves."""

    calls: list[Action]
    total: int  #: how many it leaves, counted no further than was asked for
    is_search_capped: bool  #: only the newest entries that hold the words were looked at


class ActionReader(Protocol):
    """Questions about actions; unknown ids give None or nothing."""

    def action(self, project_id: str, run_id: str, action_id: str) -> Action | None:
        """Return the action of this id, or the one that a span of this id turned out to be."""

    def actions_of_run(self, project_id: str, run_id: str, *, after_version: int = 0) -> list[Action]:
        """Return a run's actions in the order they started; only those heard of after `after_version`."""

    def numbers_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> dict[str, int]:
        """Return id → number of those of the run's actions that have, or turned out to be a span of, one of these."""

    def children_in_run(self, project_id: str, run_id: str, ids: Sequence[str]) -> list[Action]:
        """Return the run's actions that name one of these ids as their parent, as they started; it looks at each."""

    def open_actions(self, project_id: str, run_id: str) -> list[Action]:
        """Return the run's actions that have not ended; it looks at each."""

    def find_in_run(self, project_id: str, run_id: str, text: str, *, limit: int) -> list[str]:
        """Return ids of actions of the run in whose names or content all words of `text` stand, as they started."""

    def calls_answered(self, project_id: str, answers: Iterable[str]) -> list[Action]:
        """Return the model calls, in whatever runs, that gave one of these answers of our endpoint's (`OWN_ANSWER`)."""

    def answered_elsewhere(self, project_id: str, run_id: str, answers: Iterable[str]) -> frozenset[str]:
        """Return which of these answers our endpoint gave in a run other than this."""

    def flat_run(self, project_id: str, run_id: str) -> FlatRun | None:
        """Return what a run's totals are computed from."""

    def runs_to_total(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (project id, run id) of runs whose actions changed since their totals were computed."""


class LedgerReader(Protocol):
    """Questions about the calls of all runs."""

    def ledger(
        self,
        project_id: str,
        wanted: CallFilter,
        *,
        sort: str,
        is_ascending: bool,
        skip: int,
        limit: int,
        up_to: int,
    ) -> CallPage:
        """Return calls of all runs, and how many there are; `sort` is "time", "cost" or "duration"."""

    def calls_after(
        self, project_id: str, wanted: CallFilter, *, after: tuple[datetime, int] | None, limit: int
    ) -> list[Action]:
        """Return up to `limit` calls of all runs as they started, behind the start and number of one of them.

        Unlike the ledger it finds all calls that hold searched words, however many. What comes meanwhile shifts none.
        """

    def sums_of_calls(self, project_id: str, wanted: CallFilter) -> list[OutcomeSums]:
        """Return sums over calls for each outcome that one has; it looks at each call, also of a search."""

    def interventions(self, project_id: str, wanted: CallFilter, *, skip: int, limit: int) -> list[Action]:
        """Return what guards of agentsentinel-sdk did about calls, the latest first; their names are its types."""

    def count_interventions(self, project_id: str, wanted: CallFilter) -> dict[str, int]:
        """Return type → how many there are."""
