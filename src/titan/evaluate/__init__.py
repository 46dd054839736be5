"""Evaluate agents on tasks in simulated worlds.

definitions.py  what a workflow, an agent and a task are, as users write them
contract.py     what an agent is sent and what it answers; which error class a failure is
worlds.py       the worlds of the agent runs that are under way, behind their tokens
external.py     asks an agent over HTTP
dispatcher.py   runs what waits: each agent run from its row to its verdict
"""
