"""Recorded calls on other servers that keep traces: the same seeded conversations, sent by OTLP, asked for by HTTP.

Each server runs in an environment of its own (../locks), on loopback, with an empty folder. It is given the corpus by
the same driver, in the semantic conventions that it reads itself; a span counts when the server's own API counts it.
Who is measured, and how each is set: catalogue.py.
"""
