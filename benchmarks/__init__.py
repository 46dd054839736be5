"""What Titan costs, measured beside what bounds it, in the same run: `python -m benchmarks`.

Each row is measured in rounds. In every round Titan and its rival take turns, so that a machine that slows
down slows both; a round gives one ratio, a row the medians over its rounds. A row that does not end well (a
job that is not COMPLETED) stops the run: a failure is never a fast answer.
"""
