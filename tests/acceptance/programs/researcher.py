import sys

from titan_sdk import TitanClient

run_id, iteration, index, topic = sys.argv[1:]
client = TitanClient()
name = f"result_{iteration}_{index}.txt"
with open(name, "w", encoding="utf-8") as file:
    file.write(f"{iteration}.{index}: {topic}\n")
client.publish_artifact(f"research:{run_id}:result:{iteration}:{index}", name)
client.store_sadd(f"research:{run_id}:results", f"research:{run_id}:result:{iteration}:{index}")
client.store_put(f"research:{run_id}:result:{iteration}:{index}:done", "1")
