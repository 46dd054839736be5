"""The job that is measured: it imports the SDK, and nothing else."""

import titan_sdk  # noqa: F401  # importing it is the job
