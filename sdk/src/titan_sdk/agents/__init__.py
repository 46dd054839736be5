"""Agents that Titan tries in simulated worlds: served by HTTP, with the tools of the run's world."""
