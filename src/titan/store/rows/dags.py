"""DAGs and agent runs to rows and back."""

from typing import Final

from titan.model.dags import Dag, JobCounts
from titan.model.run_control import RunControl
from titan.store.rows.columns import Columns

DAGS: Final = Columns(Dag, within={"counts": Columns(JobCounts)})
RUNS: Final = Columns(RunControl)
