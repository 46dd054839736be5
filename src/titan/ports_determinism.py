"""What the store of recorded calls knows of determinism: predicted scores, and what people accept."""

from typing import Protocol

from titan.model.runs import AcceptedIssue


class DeterminismReader(Protocol):
    """Asks on a snapshot; a part of `CallReader`."""

    def runs_to_score(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (project id, run id) of runs that ended and whose determinism is to be predicted, the newest first."""

    def accepted_issues(self, project_id: str, agent_id: str) -> list[AcceptedIssue]:
        """Return the sources of non-determinism that people accept in an agent's runs, the newest first."""


class DeterminismWriter(Protocol):
    """Writes; a part of `CallTransaction`."""

    def save_determinism(self, project_id: str, run_id: str, score: int | None, *, version: int) -> None:
        """Write the score that was predicted from a run's actions as of `version` (`FlatRun.version`).

        Of a run that is gone by now, nothing is written.
        """

    def accept_issue(self, issue: AcceptedIssue) -> None:
        """Insert or overwrite an acceptance; the scores of the agent's latest runs are predicted again."""

    def withdraw_acceptance(self, issue: AcceptedIssue) -> None:
        """Delete an acceptance, if there is one; the scores of the agent's latest runs are predicted again."""
