# Stage 1: Planner — decides what to research
client.submit_dag("PLAN", [planner_job], agent_run_id=run_id)
wait_for_signal(client, f"research:{run_id}:planner:done")
# Plan JSON stored in TitanStore by the planner — no file read needed
plan = json.loads(client.store_get(f"research:{run_id}:plan"))
subtopics = plan["subtopics"]
while iteration < max_iterations:
    iteration += 1
    # Stage 2: Parallel researchers — one per subtopic
    client.submit_dag(f"ITER{iteration}", researcher_jobs, agent_run_id=run_id)
    wait_for_signals(client, researcher_signal_keys)
    # Stage 3: Evaluator — THE AGENTIC DECISION
    client.submit_dag(f"EVAL{iteration}", [evaluator_job], agent_run_id=run_id)
    wait_for_signal(client, f"research:{run_id}:eval:{iteration}:done")
    # Eval decision stored in TitanStore by the evaluator
    decision = json.loads(client.store_get(f"research:{run_id}:eval:{iteration}"))
    if decision["decision"] == "SYNTHESIZE":
        break # ← LLM says we're done
    else:
        subtopics = decision["gaps"] # ← LLM says go deeper
# Stage 4: Synthesizer — merges everything into a final report
client.submit_dag("SYNTH", [synthesizer_job], agent_run_id=run_id)
wait_for_signal(client, f"research:{run_id}:synth:done")
# Download report published by synthesizer
client.get_artifact(f"research:{run_id}:report", save_path=f"/tmp/research_{run_id}_report.md")
