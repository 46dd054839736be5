"""Titan runs AI agents as graphs of jobs that grow while they run."""

__version__ = "0.1.0"
