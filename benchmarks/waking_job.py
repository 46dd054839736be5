"""A job that waits for one key after the other, and says when it was woken: COUNT, and `parks` or `keeps` its slot."""

import os
import sys
import time

from titan_sdk import TitanClient, wait_for_signal

client = TitanClient(announce=len)
for number in range(int(sys.argv[1])):
    wait_for_signal(client, f"wake:{os.environ['TITAN_DAG_ID']}:{number}", park=sys.argv[2] == "parks")
    client.store_put(f"woken:{os.environ['TITAN_DAG_ID']}:{number}", repr(time.time()))
