"""Answers support tickets; how urgent a ticket is depends on how long it has waited by now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import titan_sdk

LIMITS = {"gold": 4, "silver": 24, "bronze": 72}  # hours


@dataclass(frozen=True)
class Ticket:
    """A customer's question."""

    number: int
    plan: str
    opened: datetime
    text: str


@titan_sdk.action(kind="tool")
def open_tickets(team: str) -> list[Ticket]:
    """Return the tickets that a team has not answered."""
    texts = ("The invoice is wrong.", "The export fails.", "How do I add a user?", "The page stays blank.")
    plans = ("gold", "bronze", "silver", "gold")
    opened = [datetime(2026, 11, 20 + place, 9, 30, tzinfo=UTC) for place in range(len(texts))]
    return [Ticket(place + len(team), *facts) for place, facts in enumerate(zip(plans, opened, texts, strict=True))]


@titan_sdk.action(kind="tool")
def search_articles(words: list[str]) -> list[str]:
    """Return articles of the knowledge base."""
    known = {"invoice": "Correct an invoice", "export": "Formats of exports", "user": "Invite people"}
    return [title for word, title in known.items() if word in words]


@titan_sdk.action(kind="model", cost=0.003)
def ask_model(prompt: str) -> str:
    """Return an answer made by rule."""
    return f"We have looked at it ({len(prompt)}): {prompt.split('|')[-1].strip()}"


def hours_left(ticket: Ticket) -> float:
    """Return how long there is until a ticket is late."""
    waited = datetime.now(UTC) - ticket.opened
    return LIMITS[ticket.plan] - waited.total_seconds() / 3600


def by_urgency(tickets: list[Ticket]) -> Iterator[tuple[Ticket, float]]:
    """Yield tickets with what is left for them, the most urgent first."""
    left = {ticket.number: hours_left(ticket) for ticket in tickets}
    for ticket in sorted(tickets, key=lambda one: left[one.number]):
        yield ticket, left[ticket.number]


def main() -> None:
    """Answer the tickets of one team."""
    answers = []
    for ticket, left in by_urgency(open_tickets("billing")):
        words = [word.strip(".?").lower() for word in ticket.text.split()]
        articles = search_articles(words)
        tone = f"apologise, late by {-left:.7f} h" if left < 0 else "be brief"
        answers.append(ask_model(f"{tone} | {ticket.text} | {', '.join(articles) or 'none'}"))
    print("\n".join(answers))


if __name__ == "__main__":
    main()
