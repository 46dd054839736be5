"""Prepared answers for whole runs of the research agent, told apart by the words of their queries."""

import json
from collections.abc import Sequence
from pathlib import Path

from research_synthesizer import DEEP_DIVE, FINDINGS, OPEN_QUESTIONS, RECOMMENDATIONS, SUMMARY

SUBTOPICS = [  # those of seed 001's example run
    "Performance, Scalability, and Latency Implications",
    "Cost, Infrastructure, and Operational Overhead",
    "Retrieval Quality, Relevance, and Embedding Management",
    "Data Consistency, Freshness, and Integration Challenges",
]
GAP = "Security of stored embeddings"
WEAK = "jimmyjohnsjohnsjohnsjohns"
_FOUND = {
    SUBTOPICS[0]: "Vector databases answer in milliseconds.",
    SUBTOPICS[1]: "Their indexes live in memory, which costs money.",
    SUBTOPICS[2]: "Good embeddings matter more than the engine.",
    SUBTOPICS[3]: "New documents appear after the next rebuild.",
    GAP: "Stored embeddings reveal parts of their texts.",
}


def write_script(file: Path, *, complete: Sequence[str], deepen_once: Sequence[str]) -> None:
    """Write answers for good runs of these queries; every other question gets a weak model's answer."""
    entries = [entry for query in (*complete, *deepen_once) for entry in _run(query, deepens=query in deepen_once)]
    file.write_text(json.dumps([*entries, {"answer": WEAK, "repeat": True}], ensure_ascii=False), encoding="utf-8")


def _run(query: str, *, deepens: bool) -> list[dict[str, object]]:
    asked = f"Question: {query}\n\n"
    decided = {"decision": "SYNTHESIZE", "reason": "enough", "gaps": []}
    deeper: dict[str, object] = {
        "contains": f"{asked}Researched",
        "answer": {"decision": "DEEPEN", "reason": "no", "gaps": [GAP]},
    }
    found = list(_FOUND.values())
    parts = {
        SUMMARY: found[:3],
        FINDINGS: [*found[:4], "Memory costs money."],
        DEEP_DIVE: [f"{text} " * 8 for text in found[:3]],
        RECOMMENDATIONS: ["Measure first.", "Start with a small index.", "Watch the memory bill."],
        OPEN_QUESTIONS: ["How do prices develop?", "Which index is best for you?"],
    }
    return [
        *([deeper] if deepens else []),
        _rule(f"{asked}Researched", decided),
        *(_rule([asked, part.task], {"items": items}) for part, items in parts.items()),
        _rule(f"{asked}Name", {"subtopics": SUBTOPICS}),
        *(
            _rule(f"Question: {query}\nSubtopic: {subtopic}\n", {"statements": [text, f"{subtopic}: see there."]})
            for subtopic, text in _FOUND.items()
        ),
    ]


def _rule(contains: str | list[str], answer: object) -> dict[str, object]:
    return {"contains": contains, "answer": answer, "repeat": True}
