"""What trying agents asks of the store of runs: workflows, tasks, registered agents, tool endpoints, agent runs."""

from typing import Protocol

from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow


class EvaluationReader(Protocol):
    """Questions about what is stored; unknown ids give None or nothing."""

    def workflow(self, project_id: str, workflow_id: str) -> Workflow | None: ...

    def workflows(self, project_id: str) -> list[Workflow]:
        """Return the workflows of a project, by id."""

    def task(self, project_id: str, workflow_id: str, task_id: str) -> Task | None: ...

    def tasks(self, project_id: str, workflow_id: str, *, after: str = "", limit: int) -> list[Task]:
        """Return tasks behind `after`, by id."""

    def registered_agent(self, project_id: str, agent_id: str, version: int | None = None) -> RegisteredAgent | None:
        """Return a version of an agent; the newest where none is named."""

    def registered_agents(self, project_id: str) -> list[RegisteredAgent]:
        """Return the newest version of each agent, by id."""

    def tool_endpoint(self, project_id: str, endpoint_id: str) -> ToolEndpoint | None: ...

    def tool_endpoints(self, project_id: str) -> list[ToolEndpoint]:
        """Return the tool endpoints of a project, by id."""

    def agent_run(self, project_id: str, run_id: str) -> AgentRun | None: ...

    def agent_runs(
        self, project_id: str, workflow_id: str, *, task_id: str | None = None, before: str | None = None, limit: int
    ) -> list[AgentRun]:
        """Return agent runs of a workflow or a task, the latest first, those behind the one of id `before`."""

    def unfinished_agent_runs(self) -> list[AgentRun]:
        """Return the agent runs of all projects that have not ended, the earliest first."""


class EvaluationTransaction(EvaluationReader, Protocol):
    """Changes; each inserts or overwrites."""

    def save_workflow(self, workflow: Workflow) -> None: ...

    def forget_workflow(self, project_id: str, workflow_id: str) -> None:
        """Delete a workflow; its tasks are gone by then."""

    def save_task(self, task: Task) -> None: ...

    def forget_task(self, project_id: str, workflow_id: str, task_id: str) -> None:
        """Delete a task with what is known of its agent runs; their Runs stay until they are deleted too."""

    def save_registered_agent(self, agent: RegisteredAgent) -> None: ...

    def save_tool_endpoint(self, endpoint: ToolEndpoint) -> None: ...

    def forget_tool_endpoint(self, project_id: str, endpoint_id: str) -> None: ...

    def save_agent_run(self, run: AgentRun) -> None: ...
