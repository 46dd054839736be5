"""Stage 1 of the research agent: a model breaks the query into subtopics, as many as it needs.

Runs as a Titan job. Puts {"query", "subtopics", "notes"} as JSON under research:<run>:plan, then sets
research:<run>:planner:done. A job is one file, so the few functions that stages share stand in each.
"""

import argparse
import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from titan_sdk import TitanClient, action, errors, model

FEWEST_SUBTOPICS = 3
MOST_SUBTOPICS = 5
FILLED_SUBTOPICS = 4  # as many as in seed 001's example, when the model's own are too few
SHOWN_HEADINGS = 6  # the best few: the model names most of what it is shown
SAME = 0.5  # share of words that makes two subtopics one: "leases and retries", "retries and leases of jobs"

SCHEMA = {
    "type": "object",
    "properties": {
        "subtopics": {
            "type": "array",
            "items": {"type": "string", "minLength": 3, "maxLength": 90},
            "minItems": FEWEST_SUBTOPICS,
            "maxItems": MOST_SUBTOPICS,
        }
    },
    "required": ["subtopics"],
    "additionalProperties": False,
}

#: What most questions have, for a model that names nothing usable and no corpus to look into.
GENERAL_ASPECTS = (
    "What it is and how it works",
    "Benefits and strengths",
    "Costs, limits and risks",
    "Practice: how to decide and what to do",
)


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
    """Plan, and tell the orchestrator."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("run_id")
    arguments.add_argument("query")
    options = arguments.parse_args()
    client = TitanClient()
    print(f"[PLANNER] Query: {options.query}", flush=True)

    with action("planner", kind="agent") as planner:  # what the stage does stands below it on the run's page
        planner.set_input(options.query)
        store = Store(client, options.run_id)
        subtopics, notes = plan(client, options.query, corpus_headings(store, options.query))
        for index, subtopic in enumerate(subtopics):
            print(f"[PLANNER] [{index}] {subtopic}")
        for note in notes:
            print(f"[PLANNER] Note: {note}")

        done = {"query": options.query, "subtopics": subtopics, "notes": notes}
        text = json.dumps(done, ensure_ascii=False, indent=2)
        Path("plan.json").write_text(text, encoding="utf-8")
        store.put("plan", text)
        store.put("planner:done", "1")
        planner.set_output(subtopics)


def plan(client: TitanClient, query: str, headings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the subtopics, and what is to be said about where they come from.

    Repeated ones are merged, echoes of the query dropped. Too few after that, and after the model was told
    so once, are filled up: from the corpus's headings that fit the query best, else from general aspects.
    """
    try:
        named = model.ask(
            _prompt(query, headings), SCHEMA, attempts=2, check=lambda value: _complaints(value, query), client=client
        )
        return distinct(named["subtopics"], but=[query]), []
    except errors.UnusableAnswer as unusable:
        kept = distinct(_readable(unusable.text), but=[query])
    source, where = (headings, "headings of the corpus") if headings else (GENERAL_ASPECTS, "general aspects")
    subtopics = distinct([*kept, *source], but=[query])[:FILLED_SUBTOPICS]
    note = f"The model named {len(kept)} usable subtopic(s); {len(subtopics) - len(kept)} are {where}."
    return subtopics, [note]


def _prompt(query: str, headings: Sequence[str]) -> str:
    library = "".join(f"- {heading}\n" for heading in headings)
    return (
        f"Question: {query}\n\n"
        + (f"The library that will be searched has sections such as:\n{library}\n" if headings else "")
        + f"Name {FEWEST_SUBTOPICS} to {MOST_SUBTOPICS} subtopics that must be researched to answer the question."
        " Make them short, specific, and different from each other."
    )


def _complaints(value: dict[str, list[str]], query: str) -> list[str]:
    different = distinct(value["subtopics"], but=[query])
    if len(different) >= FEWEST_SUBTOPICS:
        return []
    return [f"only {len(different)} subtopic(s) are neither repeated nor the question itself"]


def _readable(text: str) -> list[str]:
    try:
        subtopics = json.loads(text)["subtopics"]
    except (ValueError, KeyError, TypeError):
        return []
    return [item for item in subtopics if isinstance(item, str)] if isinstance(subtopics, list) else []


def corpus_headings(store: Store, query: str) -> list[str]:
    """Return the headings of the corpus under which the query's words stand most, best first; [] without one."""
    return search_headings(query, "corpus.jsonl.gz") if store.fetch("corpus", "corpus.jsonl.gz") else []


@action(kind="tool", impact="read")
def search_headings(query: str, corpus: str) -> list[str]:
    """Return the headings in a file of passages under which the query's words stand most, best first."""
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        passages = [json.loads(line) for line in lines]
    words = [stems(f"{passage['heading']} {passage['text']}") for passage in passages]
    frequency = Counter(word for passage_words in words for word in passage_words)
    wanted = stems(query)
    weights: dict[str, float] = {}
    for passage, passage_words in zip(passages, words, strict=True):
        named = wanted & stems(passage["heading"])
        rarity = math.fsum(math.log(1 + len(passages) / frequency[word]) for word in wanted & passage_words)
        weight = (rarity + len(named)) / math.sqrt(20 + len(passage_words))
        weights[passage["heading"]] = max(weights.get(passage["heading"], 0.0), weight)
    best = sorted(filter(None, weights), key=lambda heading: -weights[heading])
    return distinct((heading for heading in best if weights[heading]), but=[query])[:SHOWN_HEADINGS]


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
