"""The same jobs on other schedulers, in the same run: `python -m benchmarks.rivals jobs`; recorded calls: calls/.

Each rival lives in an environment of its own, made from a lock in `locks/`, and is driven by a script of its own in
`drivers/`, which its own interpreter runs and which speaks lines of JSON with the harness (protocol.py). The harness
takes turns, Titan, rival, Titan, rival, so that both meet the same load. What each row is, and what it promises:
catalogue.py.
"""
