"""The names that seed 001's loop leaves free: its imports, its client and its jobs."""

import json
import os

from titan_sdk import TitanClient, TitanJob, wait_for_signal, wait_for_signals

client = TitanClient()
run_id = os.environ["RUN_ID"]
iteration = 0
max_iterations = 3


class OfThisIteration:
    """A list that the loop reads once per iteration, made anew each time."""

    def __init__(self, make):
        self.make = make

    def __iter__(self):
        return iter([self.make(index, topic) for index, topic in enumerate(subtopics)])


planner_job = TitanJob("planner", "planner.py", args=[run_id])
researcher_jobs = OfThisIteration(
    lambda index, topic: TitanJob(
        f"researcher-{iteration}-{index}", "researcher.py", args=[run_id, iteration, index, topic]
    )
)
researcher_signal_keys = OfThisIteration(lambda index, _: f"research:{run_id}:result:{iteration}:{index}:done")
evaluator_job = TitanJob("evaluator", "evaluator.py", args=[run_id])
synthesizer_job = TitanJob("synthesizer", "synthesizer.py", args=[run_id])
