"""Agents with one planted source of non-determinism each, for the accuracy of replays: written by hand, or from a seed.

One that is made from a seed plans, searches, ranks and writes: it calls recorded tools and models, which answer by
rule, from functions with names, constants and an order of their own. Somewhere among them it takes a value from the
planted source, works with it, and passes it on to a call. Each has 60 lines and more; nobody has looked at one before
it is measured.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Each source that is planted, with the cause that a replay is to name.
CAUSES: Final[dict[str, str | None]] = {
    "clock": "clock",
    "uuid": "uuid",
    "random": "random",
    "hash_order": "hash_seed",
    "listing_order": "file_listing",
    "float_order": "hash_seed",  # in whose order it is summed
    "thread_race": "task_order",
    "task_order": "task_order",
    "environment": "environment",
    "external_state": "external_state",
    "dependency_version": "dependency_version",
    "none": None,
}

_TOPICS: Final = ("rivers", "bridges", "invoices", "orchards", "tickets", "refunds", "sensors", "contracts", "lakes")
_VERBS: Final = ("collect", "fetch", "read", "look_up", "gather", "scan", "query", "list")
_THINGS: Final = ("records", "pages", "entries", "notes", "reports", "messages", "orders", "claims")


@dataclass(frozen=True, slots=True)
class Agent:
    """A program, and what was planted in it."""

    name: str
    planted: str  #: one of CAUSES
    text: str

    @property
    def package(self) -> str | None:
        """The package that it imports and that lies beside it; None: none."""
        found = re.search(r"import (\w+_rules)$|import_module\(\"(\w+)\"\)", self.text, re.MULTILINE)
        return None if found is None else found[1] or found[2]

    @property
    def cause(self) -> str | None:
        """What a replay is to name; None: nothing."""
        return CAUSES[self.planted]


def written() -> list[Agent]:
    """Return the agents that were written by hand."""
    folder = Path(__file__).parent / "agents"
    return [
        Agent(name=f"{planted}_written", planted=planted, text=(folder / f"{planted}.py").read_text("utf-8"))
        for planted in CAUSES
    ]


def generated(planted: str, seed: int) -> Agent:
    """Return an agent with one planted source; the same for the same seed."""
    chance = random.Random(f"{planted} {seed}")
    topic, thing = chance.choice(_TOPICS), chance.choice(_THINGS)
    tools = chance.sample(_VERBS, chance.randint(3, 5))
    parts = [
        _HEAD.format(topic=topic, seed=seed),
        *(_TOOL.format(verb=verb, thing=thing, factor=chance.randint(3, 97)) for verb in tools),
        _MODEL.format(limit=chance.randint(40, 90)),
        _PLANTED[planted].format(thing=thing, factor=chance.randint(3, 97), name=chance.choice(tools)),
        _PLAN.format(first=f"{tools[0]}_{thing}", second=f"{tools[1]}_{thing}", modulus=chance.randint(5, 11)),
        _main(chance, tools, thing),
    ]
    return Agent(name=f"{planted}_{seed}", planted=planted, text="\n\n".join(parts) + "\n")


def _main(chance: random.Random, tools: Sequence[str], thing: str) -> str:
    steps = [f'    found += {verb}_{thing}(f"{{topic}} {{len(found)}}")' for verb in tools]
    place = chance.randint(1, len(steps))
    steps.insert(place, '    extra = taken(found)\n    summary = ask_model(f"weigh {extra} against {len(found)}")')
    return _MAIN.format(steps="\n".join(steps), rounds=chance.randint(2, 4))


_HEAD: Final = '''"""An agent that looks into {topic}, made from seed {seed}."""

import asyncio
import os
import random
import re
import sys
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from datetime import datetime
from pathlib import Path

import titan_sdk

sys.path.insert(0, "site-packages")
TOPIC = "{topic}"


@dataclass(frozen=True)
class Finding:
    """What a tool found."""

    title: str
    weight: int


def words_of(findings):
    """Return the words of all titles, in their order."""
    return [word for finding in findings for word in finding.title.split()]'''

_TOOL: Final = '''@titan_sdk.action(kind="tool")
def {verb}_{thing}(query):
    """Answer by rule: the same for the same query."""
    base = sum(map(ord, query)) * {factor}
    return [Finding(f"{{query}} {verb} {{number}}", (base + number * 7) % 101) for number in range(4)]'''

_MODEL: Final = '''@titan_sdk.action(kind="model", cost=0.002)
def ask_model(prompt):
    """Answer by rule, in place of a language model."""
    letters = Counter(prompt.lower())
    common = "".join(letter for letter, _ in sorted(letters.items(), key=lambda item: (-item[1], item[0]))[:6])
    return {{"answer": f"{{common}} {{len(prompt) % {limit}}}", "tokens": len(prompt) // 4}}'''

_PLAN: Final = '''def plan(topic, found):
    """Decide by what was found which tool is asked next."""
    weights = [finding.weight for finding in found]
    total = sum(weights)
    if total % {modulus} > {modulus} // 2:
        return {first}(f"{{topic}} heavy {{total}}")
    best = max(found, key=lambda finding: (finding.weight, finding.title))
    return {second}(f"{{topic}} light {{best.title}}")'''

_MAIN: Final = '''def main(topic=TOPIC):
    """Collect, plan, weigh, and write."""
    found = []
{steps}
    for number in range({rounds}):
        found += plan(topic, found)
        draft = ask_model(f"draft {{number}} of {{len(found)}}: {{summary['answer']}}")
    final = ask_model(f"write {{draft['answer']}} about {{' '.join(words_of(found)[:12])}}")
    print(final["answer"], extra)


main()'''

_PLANTED: Final[dict[str, str]] = {
    "clock": '''def taken(found):
    """Return when this was decided."""
    started = {factor} + len(found)
    moment = datetime.now()
    label = moment.strftime("%H:%M:%S.%f")
    return f"{{label}} after {{started}}"''',
    "uuid": '''def taken(found):
    """Return a name for the draft."""
    number = len(found) * {factor}
    token = uuid.uuid4()
    return f"draft-{{number}}-{{token.hex[:12]}}"''',
    "random": '''def taken(found):
    """Return a sample of what was found."""
    size = min(3, len(found))
    chosen = random.sample(range({factor} + 1000), size + 1)
    return " ".join(map(str, chosen))''',
    "hash_order": '''def taken(found):
    """Return the tags of what was found."""
    tags = {{word.lower() for word in words_of(found)}} | {{f"{thing}{{n}}" for n in range(9)}}
    ordered = [tag for tag in tags if tag]
    return ",".join(ordered[:4])''',
    "listing_order": '''def taken(found):
    """Return the names of files that lie about."""
    folder = Path("{thing}_cache")
    folder.mkdir(exist_ok=True)
    for number in range(8):
        (folder / f"{thing}-{{number}}.txt").write_text(str(number * {factor}))
    names = [path.name for path in folder.iterdir()]
    return " ".join(names[:3])''',
    "float_order": '''def taken(found):
    """Return the mean of some shares."""
    shares = {{f"{thing}{{n}}": 0.1 * n * 1.0000{factor} + 1e-9 for n in range(60)}}
    total = 0.0
    for name in frozenset(shares):
        total += shares[name] / 3.0
    return repr(total)''',
    "thread_race": '''def taken(found):
    """Return which searches came back first."""
    order = []
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit({name}_{thing}, f"part {{number}}") for number in range(6)]
        for future in as_completed(futures):
            order.append(future.result()[0].title)
    return " > ".join(order)''',
    "task_order": '''@titan_sdk.action(kind="tool")
async def part_of(number):
    """Answer after a while."""
    await asyncio.sleep((number * {factor}) % 7 / 500)
    return f"part {{number}}"


def taken(found):
    """Return which parts came back first."""
    order = []

    async def one(number):
        order.append(await part_of(number))

    async def every():
        await asyncio.gather(*(one(number) for number in range(6)))

    asyncio.run(every())
    return " > ".join(order)''',
    "environment": '''def taken(found):
    """Return who does this."""
    number = len(found) * {factor}
    worker = os.getpid()
    return f"worker {{worker}} of {{number}}"''',
    "external_state": '''def taken(found):
    """Return how often this was asked; a file counts."""
    counter = Path("{thing}.count")
    before = int(counter.read_text()) if counter.exists() else {factor}
    counter.write_text(str(before + 1))
    return f"asked {{before}} times"''',
    "dependency_version": '''def taken(found):
    """Return what another package makes of it."""
    import {thing}_rules

    weight = sum(finding.weight for finding in found) or {factor}
    return {thing}_rules.rounded(weight)''',
    "none": '''def taken(found):
    """Return what the weights come to; the order of the sum is that of the list."""
    seen = {{finding.title for finding in found}}
    total = sum(finding.weight for finding in found) * {factor}
    return f"{{total}} of {{len(seen)}} {{' '.join(sorted(seen)[:2])}}"''',
}
