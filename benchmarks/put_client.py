"""One of many clients that write to the shared store. Run as a script: `put_client.py PORT NAME SECONDS`.

Prints `ready`, waits for a line on standard input, writes for SECONDS one value after the other, each durable
before the next, and prints how many it wrote.
"""

from __future__ import annotations

import sys
import time

from titan_sdk import TitanClient


def main(port: int, name: str, seconds: float) -> None:
    """Write for `seconds` after the starting signal; print the count."""
    client = TitanClient("127.0.0.1", port)
    client.store_put(f"bench:{name}:0", "v" * 100)
    print("ready", flush=True)
    sys.stdin.readline()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        client.store_put(f"bench:{name}:{count % 1000}", "v" * 100)
        count += 1
    print(count, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
