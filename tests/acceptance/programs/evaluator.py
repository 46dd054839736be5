import json
import os
import sys

from titan_sdk import TitanClient

run_id = sys.argv[1]
iteration = int(os.environ["TITAN_DAG"].removeprefix("EVAL"))
decision = {"decision": "DEEPEN", "gaps": ["the gap"]} if iteration == 1 else {"decision": "SYNTHESIZE"}
client = TitanClient()
client.store_put(f"research:{run_id}:eval:{iteration}", json.dumps(decision))
client.store_put(f"research:{run_id}:eval:{iteration}:done", "1")
