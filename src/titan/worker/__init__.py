"""The worker: a process that asks a server for attempts, runs them, and reports how they ended.

`worker` assembles it; `supervisor` alone decides; the other parts run on threads of their own and post to its mailbox.
"""
