"""A job is one file, so some functions and classes stand in several of the agent's files: they must stay the same."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

import research_agent

JOBS = sorted(research_agent.FOLDER.glob("research_*r.py"))


def test_there_are_four_job_scripts() -> None:
    assert [job.name for job in JOBS] == [
        "research_evaluator.py",
        "research_planner.py",
        "research_synthesizer.py",
        "research_worker.py",
    ]


def test_functions_and_classes_of_the_same_name_are_the_same() -> None:
    versions: dict[str, set[str]] = defaultdict(set)
    for job in JOBS:
        for name, source in public_definitions(job).items():
            versions[name].add(source)
    different = {name for name, sources in versions.items() if len(sources) > 1}

    assert different == {"main"}


def test_jobs_import_the_sdk_and_the_standard_library_only() -> None:
    imported = {
        name.split(".")[0]
        for job in JOBS
        for node in ast.walk(ast.parse(job.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported - set(sys.stdlib_module_names) == {"titan_sdk"}


def public_definitions(file: Path) -> dict[str, str]:
    """Return the text of a file's public functions and classes by name."""
    text = file.read_text(encoding="utf-8")
    named = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return {node.name: ast.get_source_segment(text, node) or "" for node in named if not node.name.startswith("_")}
