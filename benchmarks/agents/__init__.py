"""Agents written by hand, each with one planted source of non-determinism, after which its file is named.

`benchmarks.replay_rows` records and replays each in a folder of its own. No model is asked: answers are made by rule.
"""
