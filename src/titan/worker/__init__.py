"""The worker: a process that asks a server for attempts, runs them, and reports how they ended.

`worker` puts it together; `supervisor` is its one place of decisions; `claims`, `heartbeats`, `log_shipper` and
`reports` each talk to the server on a thread of their own, so that none of them waits for another.
"""
