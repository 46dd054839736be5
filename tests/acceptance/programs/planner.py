import json
import sys

from titan_sdk import TitanClient

run_id = sys.argv[1]
client = TitanClient()
client.store_put(f"research:{run_id}:plan", json.dumps({"subtopics": ["latency & cost", "it's \"fresh\"", "größe"]}))
client.store_put(f"research:{run_id}:planner:done", "1")
