"""Queries and writes of workflows, tasks, registered agents, tool endpoints and agent runs."""

from collections.abc import Set

from titan.model.evaluations import AgentRun, RegisteredAgent, Task, ToolEndpoint, Workflow
from titan.store.columns import RowReader, methods_read_rows, to_json
from titan.store.runs.rows import AGENT_RUNS, ENDPOINTS, REGISTERED_AGENTS, TASKS, WORKFLOWS


@methods_read_rows
class SqlEvaluationReader(RowReader):
    """Implements `titan.ports.runs_store.EvaluationReader`; its docstrings are there."""

    __slots__ = ()

    def workflow(self, project_id: str, workflow_id: str) -> Workflow | None:
        return self._first(WORKFLOWS, "workflow", project_id=project_id, id=workflow_id)

    def workflows(self, project_id: str) -> list[Workflow]:
        return self._find(WORKFLOWS, "workflows", project_id=project_id)

    def task(self, project_id: str, workflow_id: str, task_id: str) -> Task | None:
        return self._first(TASKS, "task", project_id=project_id, workflow_id=workflow_id, id=task_id)

    def tasks(self, project_id: str, workflow_id: str, *, after: str = "", limit: int) -> list[Task]:
        return self._find(TASKS, "tasks", project_id=project_id, workflow_id=workflow_id, after=after, limit=limit)

    def definition(self, project_id: str, digest: str) -> str | None:
        row = self._session.one("definition", project_id=project_id, digest=digest)
        return None if row is None else str(row[0])

    def registered_agent(
        self, project_id: str, agent_id: str, version: int | None = None, *, workflow_id: str | None = None
    ) -> RegisteredAgent | None:
        wanted = {"id": agent_id, "version": version, "workflow_id": workflow_id}
        return self._first(REGISTERED_AGENTS, "registered_agent", project_id=project_id, **wanted)

    def registered_agents(self, project_id: str) -> list[RegisteredAgent]:
        return self._find(REGISTERED_AGENTS, "registered_agents", project_id=project_id)

    def tool_endpoint(self, project_id: str, endpoint_id: str) -> ToolEndpoint | None:
        return self._first(ENDPOINTS, "tool_endpoint", project_id=project_id, id=endpoint_id)

    def tool_endpoints(self, project_id: str) -> list[ToolEndpoint]:
        return self._find(ENDPOINTS, "tool_endpoints", project_id=project_id)

    def agent_run(self, project_id: str, run_id: str) -> AgentRun | None:
        return self._first(AGENT_RUNS, "agent_run", project_id=project_id, run_id=run_id)

    def agent_runs(
        self, project_id: str, workflow_id: str, *, task_id: str | None = None, before: str | None = None, limit: int
    ) -> list[AgentRun]:
        within = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        return self._find(AGENT_RUNS, "agent_runs", **within, before=before, limit=limit)

    def attempts(self, project_id: str, workflow_id: str, task_id: str, field: str) -> int:
        place = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        row = self._session.one("attempts", **place, field=field)
        return 0 if row is None else int(row[0])

    def unfinished_agent_runs(self) -> list[AgentRun]:
        return self._find(AGENT_RUNS, "unfinished_agent_runs")


class SqlEvaluationTransaction(SqlEvaluationReader):
    """Implements `titan.ports.runs_store.EvaluationTransaction`; its docstrings are there."""

    def save_workflow(self, workflow: Workflow) -> None:
        self._session.run("save_workflow", WORKFLOWS.row(workflow))

    def forget_workflow(self, project_id: str, workflow_id: str) -> None:
        place = {"project_id": project_id, "id": workflow_id}
        self._session.run("forget_agents_of_workflow", place)
        self._session.run("forget_workflow", place)

    def save_definition(self, project_id: str, digest: str, content: str) -> None:
        place = {"project_id": project_id, "digest": digest}
        if self._session.one("has_definition", **place) is None:
            self._session.run("save_definition", {**place, "content": content})

    def save_task(self, task: Task) -> None:
        before = self.task(task.project_id, task.workflow_id, task.id)
        self._session.run("save_task", TASKS.row(task))
        if before is not None:
            self._forget_unnamed(task.project_id, {before.state_digest})

    def forget_task(self, project_id: str, workflow_id: str, task_id: str) -> None:
        place = {"project_id": project_id, "workflow_id": workflow_id, "task_id": task_id}
        task = self.task(project_id, workflow_id, task_id)
        named = {digest for row in self._session.all("digests_of_runs", **place) for digest in row}
        self._session.run("forget_agent_runs_of_task", place)
        self._session.run("forget_task", place)
        self._forget_unnamed(project_id, named if task is None else {*named, task.state_digest})

    def save_registered_agent(self, agent: RegisteredAgent) -> None:
        self._session.run("save_registered_agent", REGISTERED_AGENTS.row(agent))

    def save_tool_endpoint(self, endpoint: ToolEndpoint) -> None:
        self._session.run("save_tool_endpoint", ENDPOINTS.row(endpoint))

    def forget_tool_endpoint(self, project_id: str, endpoint_id: str) -> None:
        self._session.run("forget_tool_endpoint", {"project_id": project_id, "id": endpoint_id})

    def save_agent_run(self, run: AgentRun) -> None:
        self._session.run("save_agent_run", AGENT_RUNS.row(run))

    def _forget_agent_run(self, project_id: str, run_id: str) -> None:
        run = self.agent_run(project_id, run_id)
        if run is not None:
            self._session.run("forget_agent_run", {"project_id": project_id, "run_id": run_id})
            named = {run.world_digest, run.state_digest, run.seed_digest, run.scorers_digest}
            self._forget_unnamed(project_id, named)

    def _forget_unnamed(self, project_id: str, digests: Set[str | None]) -> None:
        """Delete those of these definitions that no task or agent run names."""
        given = {"project_id": project_id, "digests": to_json(sorted(digests - {None}, key=str))}
        self._session.run("forget_unnamed_definitions", given)
