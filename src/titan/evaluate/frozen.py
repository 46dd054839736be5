"""Freeze what an agent run is tried with, and read what one ran with: world, initial state, seed, scorers.

A project holds each once, as JSON under its SHA-256, and a run names the digests. So no later change of a workflow or
task changes what is known of an earlier run.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from titan.evaluate.definitions import KEPT_DEFINITIONS, Seed, definition_of, definition_within, scorers_of, seed_of
from titan.judge.scorers import Scorer
from titan.model.evaluations import AgentRun, Task, Workflow
from titan.ports.runs_store import CallReader, CallTransaction
from titan.world.definition import World
from titan.world.ledger import InitialState, Ledger, seeded


class Frozen(NamedTuple):
    """A definition as JSON, and its SHA-256: equal for equal definitions."""

    digest: str
    content: str


class FrozenSeed(msgspec.Struct, frozen=True, kw_only=True):
    """A seed apart from its initial state, and the digest of that."""

    seed: Seed
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RanWith:
    """What an agent run was tried with; None for each that is not known."""

    world: World | None = None  #: without the initial state
    seed: Seed | None = None  #: without the initial state
    state: str | None = None  #: the initial state, as JSON
    scorers: tuple[Scorer, ...] | None = None

    @property
    def initial(self) -> Ledger | None:
        """The ledger before the first call."""
        return None if self.state is None else _ledger_in(self.state)


_WORLDS: Final = msgspec.json.Decoder(World)
_STATES: Final = msgspec.json.Decoder(InitialState)
_SEEDS: Final = msgspec.json.Decoder(FrozenSeed)
_SCORERS: Final = msgspec.json.Decoder(tuple[Scorer, ...])


def frozen(value: Any) -> Frozen:
    """Return a definition frozen."""
    content = msgspec.json.encode(value, order="deterministic")
    return Frozen(hashlib.sha256(content).hexdigest(), content.decode())


def parts_of(workflow: Workflow) -> tuple[Frozen, Frozen]:
    """Return a workflow's world without its initial state, and that."""
    return _parts_within(workflow.definition)


def seed_with(task: Task, workflow: Workflow) -> tuple[Task, Frozen]:
    """Return a task whose digests are those of its seed, and its initial state: its own, else the world's."""
    seed = seed_of(task)
    state = parts_of(workflow)[1] if seed.initial_state is None else frozen(seed.initial_state)
    return replace(task, seed_digest=_frozen_seed(seed, state.digest).digest, state_digest=state.digest), state


def is_outdated(task: Task, workflow: Workflow) -> bool:
    """Return whether a task took another initial state from its world than the world has now."""
    known = (None, parts_of(workflow)[1].digest)
    return task.state_digest not in known and seed_of(task).initial_state is None


def pinned(tx: CallTransaction, workflow: Workflow, task: Task, run: AgentRun) -> AgentRun:
    """Return a new run of a task that names what it is tried with; that is stored."""
    if task.state_digest is None:  # it was seeded before initial states were frozen
        task, state = seed_with(task, workflow)
        tx.save_definition(task.project_id, *state)
        tx.save_task(task)
    assert task.state_digest is not None
    world, seed = parts_of(workflow)[0], _frozen_seed(seed_of(task), task.state_digest)
    scorers = frozen(scorers_of(task))
    for part in (world, seed, scorers):
        tx.save_definition(task.project_id, *part)
    return replace(
        run,
        world_digest=world.digest,
        seed_digest=seed.digest,
        state_digest=task.state_digest,
        scorers_digest=scorers.digest,
    )


def initial_of_task(reader: CallReader, workflow: Workflow, task: Task) -> Ledger:
    """Return the ledger with which a task's next run begins."""
    state = None if task.state_digest is None else reader.definition(task.project_id, task.state_digest)
    return _ledger_in(seed_with(task, workflow)[1].content if state is None else state)


def ran_with(reader: CallReader, run: AgentRun) -> RanWith:
    """Return what an agent run was tried with."""
    if run.world_digest is None or run.state_digest is None or run.scorers_digest is None:
        return _ran_before(reader, run)
    digests = (run.world_digest, run.seed_digest, run.state_digest, run.scorers_digest)
    world, seed, state, scorers = (reader.definition(run.project_id, digest) for digest in digests)
    return RanWith(
        world=None if world is None else _world_in(world),
        seed=None if seed is None else _SEEDS.decode(seed).seed,
        state=state,
        scorers=None if scorers is None else _SCORERS.decode(scorers),
    )


def _ran_before(reader: CallReader, run: AgentRun) -> RanWith:
    """Return what a run was tried with that was made before definitions were frozen.

    That is what its workflow and task hold now, as far as their digests are those that the run recorded.
    """
    workflow = reader.workflow(run.project_id, run.workflow_id)
    task = reader.task(run.project_id, run.workflow_id, run.task_id)
    if workflow is None or task is None or frozen(seed_of(task)).digest != run.seed_digest:
        return RanWith()
    config, world, seed = msgspec.json.decode(run.config), definition_of(workflow).world, seed_of(task)
    is_same_world = frozen(world).digest[:16] == config.get("world", {}).get("digest")
    is_same_state = is_same_world or seed.initial_state is not None
    return RanWith(
        world=world if is_same_world else None,
        seed=seed,
        state=frozen(seed.initial_state or world.initial_state).content if is_same_state else None,
        scorers=scorers_of(task) if frozen(scorers_of(task)).digest[:16] == config.get("scorers_digest") else None,
    )


def _frozen_seed(seed: Seed, state_digest: str) -> Frozen:
    return frozen(FrozenSeed(seed=replace(seed, initial_state=None), state=state_digest))


@lru_cache(maxsize=KEPT_DEFINITIONS)
def _parts_within(definition: str) -> tuple[Frozen, Frozen]:
    world = definition_within(definition).world
    return frozen(replace(world, initial_state=InitialState())), frozen(world.initial_state)


@lru_cache(maxsize=KEPT_DEFINITIONS)
def _world_in(content: str) -> World:
    return _WORLDS.decode(content)


@lru_cache(maxsize=KEPT_DEFINITIONS)
def _ledger_in(content: str) -> Ledger:
    """Return a ledger of an initial state. Runs share it: a call makes another one and copies no world."""
    return seeded(_STATES.decode(content))
