"""Simulated environments for evaluating agents: ledger, tools and failures. Pure: no I/O, no clock.

definition.py     a world as its file says it: entity types, tools, policy
ledger.py         what is true in the world, as a fold of operations
values.py         paths and texts that name values: "$args.order_id", "order_cancelled:{order_id}"
conditions.py     "field, comparison, value" over entities and arguments
declared.py       tools that are declared whole: bindings, preconditions, reads, effects, response
failure_rules.py  failures that are injected on purpose
consistency.py    operations and answers that contradict the ledger
simulation.py     one call of a tool, from its arguments to its answer: a generator that asks for what it cannot know
"""
