"""What the store of recorded calls knows of determinism: scores, versions of agents, and what people accept."""

from typing import Protocol

from titan.model.runs import AcceptedIssue, AgentVersion


class DeterminismReader(Protocol):
    """Asks on a snapshot; a part of `CallReader`."""

    def runs_to_score(self, *, limit: int) -> list[tuple[str, str, int]]:
        """Return (project id, run id, stamp) of runs that ended and whose determinism is to be computed, newest first.

        The stamp changes with every cause to compute it, other than the run's own actions.
        """

    def accepted_issues(self, project_id: str, agent_id: str) -> list[AcceptedIssue]:
        """Return the sources of non-determinism that people accept in an agent's runs, the newest first."""

    def versions_of_agent(self, project_id: str, agent_id: str, *, limit: int) -> list[AgentVersion]:
        """Return what an agent's runs of each code come to; that of the latest run first."""


class DeterminismTransaction(Protocol):
    """Writes; a part of `CallTransaction`."""

    def save_determinism(
        self, project_id: str, run_id: str, score: int | None, code_digest: str | None, *, version: int, stamp: int
    ) -> None:
        """Write the score of a run and the digest of its code, computed as of `version` (`FlatRun.version`).

        Where its stamp is another one by now, the run waits for its next score. Of a run that is gone by now, nothing
        is written.
        """

    def accept_issue(self, issue: AcceptedIssue) -> None:
        """Insert or overwrite an acceptance; the scores of the agent's latest runs are predicted again."""

    def withdraw_acceptance(self, issue: AcceptedIssue) -> None:
        """Delete an acceptance, if there is one; the scores of the agent's latest runs are predicted again."""
