import os
import sys

from titan_sdk import TitanClient

run_id = sys.argv[1]
client = TitanClient()
with open("report.md", "w", encoding="utf-8") as report:
    for key in sorted(client.store_smembers(f"research:{run_id}:results")):
        client.get_artifact(key, save_path="section.txt")
        with open("section.txt", encoding="utf-8") as section:
            report.write(section.read())
    report.write(f"written in {'/'.join(os.getcwd().split('/')[-2:])}\n")
client.publish_artifact(f"research:{run_id}:report", "report.md")
client.store_put(f"research:{run_id}:synth:done", "1")
