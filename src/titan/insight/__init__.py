"""Analyse recorded facts: history, comparison of runs, determinism, exports, trends. Pure."""
