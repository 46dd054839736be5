"""Register workflows, tasks, agents and endpoints; equal definitions change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from msgspec.structs import replace

from titan.evaluate.agent_runs import as_json
from titan.evaluate.definitions import AgentDefinition, EndpointDefinition, TaskDefinition, WorkflowDefinition
from titan.evaluate.frozen import seed_with
from titan.model.errors import InvalidInput
from titan.model.evaluations import RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.ports.runs_store import CallTransaction
from titan.world.lint import unusable_schemas


class Change(StrEnum):
    """The change that a registration makes."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A registered object and its change."""

    kind: str
    id: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """Registers a project's objects in a transaction; as a plan it only returns the changes."""

    tx: CallTransaction
    project_id: str
    is_plan: bool = False

    def put_agent(
        self, agent_id: str, definition: AgentDefinition, *, workflow_id: str | None = None
    ) -> tuple[RegisteredAgent, Change]:
        """Register an agent of the project or of a workflow; a changed definition is its next version."""
        newest = self.tx.registered_agent(self.project_id, agent_id)
        before = self.tx.registered_agent(self.project_id, agent_id, workflow_id=workflow_id or "")
        if before is not None and before.workflow_id != workflow_id:
            before = None  # the project's
        if before is not None and before.definition == as_json(definition):
            return before, Change.UNCHANGED
        agent = RegisteredAgent(
            project_id=self.project_id,
            id=agent_id,
            version=1 if newest is None else newest.version + 1,
            definition=as_json(definition),
            created_at=self.tx.now,
            workflow_id=workflow_id,
        )
        if not self.is_plan:
            self.tx.save_registered_agent(agent)
        return agent, _change(before is None)

    def put_endpoint(self, endpoint_id: str, definition: EndpointDefinition) -> tuple[ToolEndpoint, Change]:
        """Register a tool endpoint, or replace its definition."""
        before = self.tx.tool_endpoint(self.project_id, endpoint_id)
        if before is not None and before.definition == as_json(definition):
            return before, Change.UNCHANGED
        endpoint = ToolEndpoint(
            project_id=self.project_id,
            id=endpoint_id,
            definition=as_json(definition),
            created_at=self.tx.now if before is None else before.created_at,
            updated_at=self.tx.now,
        )
        if not self.is_plan:
            self.tx.save_tool_endpoint(endpoint)
        return endpoint, _change(before is None)

    def put_workflow(self, workflow_id: str, name: str, definition: WorkflowDefinition) -> tuple[Workflow, Change]:
        """Create a workflow, or replace its definition.

        Raises:
            InvalidInput: a schema of a tool cannot be used.
        """
        unusable = next(unusable_schemas(definition.world), None)
        if unusable is not None:
            raise InvalidInput(
                f"definition.world.{unusable.place}",
                expected="a JSON Schema that refers to nothing outside of it and is quickly checked",
                found=unusable.message,
                next_step="Correct it and send it again; nothing was stored.",
            )
        before = self.tx.workflow(self.project_id, workflow_id)
        if before is not None and (before.name, before.definition) == (name, as_json(definition)):
            return before, Change.UNCHANGED
        workflow = Workflow(
            project_id=self.project_id,
            id=workflow_id,
            name=name,
            definition=as_json(definition),
            created_at=self.tx.now if before is None else before.created_at,
            updated_at=self.tx.now,
        )
        if not self.is_plan:
            self.tx.save_workflow(workflow)
        return workflow, _change(before is None)

    def put_task(
        self, workflow: Workflow, definition: TaskDefinition, *, reseeds: bool = True, anew: bool = False
    ) -> tuple[Task, Change]:
        """Create a task and freeze its seed, or freeze a changed seed again; with `anew` an unchanged one too.

        A seed without an initial state takes the world's as it is now. Existing runs keep their seed.
        """
        before = self.tx.task(self.project_id, workflow.id, definition.id)
        written = Task(
            project_id=self.project_id,
            workflow_id=workflow.id,
            id=definition.id,
            name=definition.name or definition.id,
            seed=as_json(definition.odyssey_seed),
            seed_digest="",
            scorers=as_json(definition.scorers),
            created_at=self.tx.now if before is None else before.created_at,
            seeded_at=self.tx.now,
        )
        task, state = seed_with(written, workflow)
        is_equal = before is not None and task == replace(before, seeded_at=task.seeded_at)
        if before is not None and not anew and (is_equal or not reseeds):
            return before, Change.UNCHANGED
        if not self.is_plan:
            self.tx.save_definition(self.project_id, *state)
            self.tx.save_task(task)
        return task, _change(before is None)

    def apply(
        self,
        workflow_id: str,
        definition: WorkflowDefinition,
        *,
        name: str,
        agents: Mapping[str, AgentDefinition],
        endpoints: Mapping[str, EndpointDefinition],
        tasks: Sequence[TaskDefinition],
    ) -> list[Changed]:
        """Register the contents of a suite, and return the changes; objects that it does not name stay."""
        done = [("endpoint", one, self.put_endpoint(one, endpoints[one])[1]) for one in endpoints]
        done += [("agent", one, self.put_agent(one, agents[one], workflow_id=workflow_id)[1]) for one in agents]
        workflow, change = self.put_workflow(workflow_id, name, definition)
        done.append(("workflow", workflow_id, change))
        done += [("task", one.id, self.put_task(workflow, one)[1]) for one in tasks]
        return [Changed(kind=kind, id=one, change=change) for kind, one, change in done]


def _change(is_new: bool) -> Change:
    return Change.CREATED if is_new else Change.CHANGED
