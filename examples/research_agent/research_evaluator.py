"""Stage 3 of the research agent, the agentic decision: a model says SYNTHESIZE, or DEEPEN and where.

Runs as a Titan job. Puts {"decision", "gaps", "reason", "notes"} as JSON under research:<run>:eval:<iteration>,
then sets research:<run>:eval:<iteration>:done. A job is one file, so the few functions that stages share stand
in each.
"""

import argparse
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from titan_sdk import TitanClient, action, errors, model, thinking

MOST_GAPS = 3
SAME = 0.5  # share of words that makes two subtopics one

SCHEMA = {
    "type": "object",
    "properties": {
        "decision": {"type": "string", "enum": ["SYNTHESIZE", "DEEPEN"]},
        "reason": {"type": "string", "maxLength": 200},
        "gaps": {"type": "array", "items": {"type": "string", "maxLength": 90}, "maxItems": MOST_GAPS},
    },
    "required": ["decision", "reason", "gaps"],
    "additionalProperties": False,
}


class Store:
    """The run's part of the shared store. Each use is recorded as a call of a tool: what went in, what came out."""

    def __init__(self, client: TitanClient, run_id: str) -> None:
        self.client, self.prefix = client, f"research:{run_id}:"

    @action("store_get", kind="tool", impact="read")
    def get(self, key: str) -> str | None:
        return self.client.store_get(self.prefix + key)

    @action("store_put", kind="tool", impact="low", effect="external")
    def put(self, key: str, value: str) -> None:
        self.client.store_put(self.prefix + key, value)

    @action("fetch_file", kind="tool", impact="read")
    def fetch(self, key: str, file: str) -> bool:
        return self.client.get_artifact(self.prefix + key, file)

    @action("publish_file", kind="tool", impact="low", effect="external")
    def publish(self, key: str, file: str) -> None:
        self.client.publish_artifact(self.prefix + key, file)


def main() -> None:
    """Judge the research so far, and tell the orchestrator."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("run_id")
    arguments.add_argument("iteration", type=int)
    arguments.add_argument("query")
    arguments.add_argument("--evidence", type=int, default=6000, help="characters of findings shown to the model")
    arguments.add_argument("--quote", action="store_true", help="changes nothing here")
    options = arguments.parse_args()
    client = TitanClient()

    with action(f"evaluator-{options.iteration}", kind="agent") as evaluator:  # what it does stands below it
        evaluator.set_input(options.query)
        store = Store(client, options.run_id)
        sections, _ = read_sections(store)
        decision = decide(client, options.query, sections, evidence=options.evidence)
        if decision["reason"]:
            thinking(decision["reason"])
        print(f"[EVALUATOR] {decision}", flush=True)
        store.put(f"eval:{options.iteration}", json.dumps(decision, ensure_ascii=False))
        store.put(f"eval:{options.iteration}:done", "1")
        evaluator.set_output(decision)


class Decision(TypedDict):
    """What comes next."""

    decision: str  #: SYNTHESIZE or DEEPEN
    reason: str
    gaps: list[str]  #: subtopics to go deeper into; none with SYNTHESIZE
    notes: list[str]  #: what a reader has to know about how the decision came about


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What one researcher found."""

    subtopic: str
    findings: list[str]
    sources: list[str]
    notes: list[str]


def decide(client: TitanClient, query: str, sections: Sequence[Section], *, evidence: int) -> Decision:
    """Return the decision. DEEPEN needs a gap that is neither the query nor a subtopic already researched."""
    known = [query, *(section.subtopic for section in sections)]

    def complaints(value: Decision) -> list[str]:
        if value["decision"] == "SYNTHESIZE" or distinct(value["gaps"], but=known):
            return []
        return ["DEEPEN needs gaps that were not researched yet; else decide SYNTHESIZE"]

    try:
        answer = model.ask(
            _prompt(query, sections, evidence=evidence), SCHEMA, attempts=2, check=complaints, client=client
        )
    except (errors.UnusableAnswer, errors.ModelUnavailable, errors.ModelRefused) as error:
        note = f"The evaluator's model gave no usable decision ({error.found}): the research counts as complete."
        return {"decision": "SYNTHESIZE", "gaps": [], "reason": "", "notes": [note]}
    gaps = distinct(answer["gaps"], but=known) if answer["decision"] == "DEEPEN" else []
    return {"decision": answer["decision"], "gaps": gaps, "reason": answer["reason"], "notes": []}


def _prompt(query: str, sections: Sequence[Section], *, evidence: int) -> str:
    share = evidence // max(1, len(sections))
    found = "\n\n".join(
        f"{section.subtopic}: {' '.join(section.findings) or 'nothing was found'}"[:share] for section in sections
    )
    return (
        f"Question: {query}\n\nResearched so far:\n{found}\n\n"
        "Does this answer the question? Decide SYNTHESIZE if it does, with no gaps. Decide DEEPEN if something"
        f" important is missing, and name up to {MOST_GAPS} gaps: short subtopics that were not researched yet."
    )


# --- the same in evaluator and synthesizer -----------------------------------------------------------------


def read_sections(store: Store) -> tuple[list[Section], list[str]]:
    """Return what every researcher published, in their order, and the gaps that nobody researched."""
    sections: list[Section] = []
    iteration = 1
    subtopics: list[str] = json.loads(store.get("plan") or "{}").get("subtopics", [])
    while subtopics:
        count_before = len(sections)
        for index in range(len(subtopics)):
            file = f"result_{iteration}_{index}.txt"
            if store.fetch(f"result:{iteration}:{index}", file):
                sections.append(read_section(Path(file).read_text(encoding="utf-8")))
        if len(sections) == count_before:
            break
        decision = json.loads(store.get(f"eval:{iteration}") or "{}")
        subtopics = decision.get("gaps", [])
        iteration += 1
    return sections, subtopics


def read_section(text: str) -> Section:
    """Return what research_worker.as_text wrote."""
    title, *parts = re.split(r"(?m)^#+ ", text)[1:]
    lists = {name: re.findall(r"(?m)^- (.*)$", body) for name, _, body in (part.partition("\n") for part in parts)}
    return Section(subtopic=title.strip(), findings=lists["Findings"], sources=lists["Sources"], notes=lists["Notes"])


# --- the same in every stage -------------------------------------------------------------------------------

_WITHOUT_MEANING = """
    a about after all also an and any anything are as at be because been before both but by can could did do does
    each everything for from had happen happens has have how if in into is it its make makes many may more most much
    must no not nothing of on one only or other our out over should so some something such sure than that the their
    them then there these they this those to too up use was we were what when where which while who why will with
    would you your
"""
STOP_WORDS = frozenset(_WITHOUT_MEANING.split())


def all_stems(text: str) -> Iterator[str]:
    """Yield the words of `text` that carry meaning, without their usual English endings."""
    for word in re.findall(r"[^\W_]+", text.lower()):
        if word not in STOP_WORDS:
            yield re.sub(r"(?<=\w{3})(?:ies|ing|ed|es|e|y|(?<!s)s)$", "", word)


def stems(text: str) -> set[str]:
    """Return the same, each once."""
    return set(all_stems(text))


def distinct(texts: Iterable[str], *, but: Iterable[str] = ()) -> list[str]:
    """Return the texts that share less than half of their words with an earlier one, numbering removed."""
    kept: list[str] = []
    taken = [stems(text) for text in but]
    for text in texts:
        plain = re.sub(r"^\W*(?:\d+[.):]\s*)?|[\s.;,]+$", "", " ".join(text.split()))
        words = stems(plain)
        if words and all(len(words & other) < SAME * len(words | other) for other in taken):
            kept.append(plain[0].upper() + plain[1:])
            taken.append(words)
    return kept


if __name__ == "__main__":
    main()
