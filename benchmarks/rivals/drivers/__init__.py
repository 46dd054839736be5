"""One script for each rival, run by the rival's own interpreter: `python -m benchmarks.rivals.drivers.NAME`.

They import nothing of Titan or of the harness but serve.py, which needs the standard library only.
"""
