"""A small domain in the format of tau2-bench, made by hand."""

import json
from pathlib import Path
from typing import Any

MODELS = """
from typing import Literal, Optional
from pydantic import BaseModel, Field

Size = Literal["small", "large"]

class Base(BaseModel):
    id: str = Field(description="Which one")

class Extra(Base):
    label: str
    count: int = 1
    note: Optional[str] = Field(None, description="What else")
"""
TOOLS = '''
raise RuntimeError("this is never run")

class LibraryTools(ToolKitBase):
    def __init__(self, db): ...

    def _get_book(self, book_id: str) -> Book:
        """Get a book."""
        if book_id not in self.db.books:
            raise ValueError(f"Book {book_id} not found")
        return self.db.books[book_id]

    @is_tool(ToolType.READ)
    def get_book_details(self, book: str) -> Book:
        """Get the details of a book.

        Args:
            book: The id of the book,
                such as 'b1'.

        Returns:
            The book.
        """
        found = self._get_book(book)
        return found

    @is_tool(ToolType.READ)
    def get_shelf(self, shelf_id: str) -> Shelf:
        for shelf in self.db.shelves:
            if shelf.shelf_id == shelf_id:
                return shelf
        raise ValueError("Shelf not found")

    @is_tool(ToolType.READ)
    def list_books(self) -> list[Book]:
        return list(self.db.books.values())

    @is_tool(ToolType.READ)
    def count_books(self, size: Size | None = None) -> int:
        return len([book for book in self.db.books.values() if size in (None, book.size)])

    @is_tool(ToolType.WRITE)
    def lend_book(self, book_id: str, days: int, extras: List[Extra | dict], size: Size = "small") -> Book:
        book = self._get_book(book_id)
        book.lent = True
        return book

    @is_tool(ToolType.GENERIC)
    def transfer_to_human_agents(self, summary: str) -> str:
        return "Transfer successful"

    def assert_lent(self, book_id: str) -> bool:
        return self.db.books[book_id].lent
'''
DATABASE: dict[str, Any] = {
    "books": {"b1": {"book_id": "b1", "title": "Solaris", "lent": False}, "b2": {"book_id": "b2", "title": "Eden"}},
    "shelves": [{"shelf_id": "s1", "floor": 1}, {"shelf_id": "s2", "floor": 2}],
}


def _action(name: str, **arguments: Any) -> dict[str, Any]:
    return {"action_id": "a", "name": name, "arguments": arguments}


TASKS: list[dict[str, Any]] = [
    {
        "id": "lend 1",
        "description": {"purpose": "A book is lent."},
        "user_scenario": {
            "persona": "In a hurry.",
            "instructions": {
                "reason_for_call": "You want Solaris.",
                "known_info": "You are Kris.",
                "task_instructions": "Do not say why.",
            },
        },
        "evaluation_criteria": {
            "actions": [_action("get_book_details", book="b1"), _action("lend_book", book_id="b1", days=14)],
            "communicate_info": ["14"],
            "nl_assertions": ["The agent was polite."],
            "reward_basis": ["DB", "COMMUNICATE", "NL_ASSERTION"],
        },
    },
    {
        "id": "ask-2",
        "user_scenario": {"instructions": "Ask whether Eden is there."},
        "ticket": "Is Eden there?",
        "initial_state": {
            "initialization_data": {"agent_data": {"books": {"b2": {"lent": True}}}},
            "message_history": [{"role": "user", "content": "Hello"}],
        },
        "evaluation_criteria": {"actions": [_action("get_book_details", book="b2")]},
    },
    {
        "id": "human-3",
        "user_scenario": {"instructions": "Ask for a person."},
        "evaluation_criteria": {
            "actions": [
                {**_action("transfer_to_human_agents", summary="anything"), "compare_args": []},
                {**_action("open_door"), "requestor": "user"},
            ],
            "env_assertions": [{"env_type": "assistant", "func_name": "assert_lent", "arguments": {"book_id": "b1"}}],
            "reward_basis": ["ACTION", "ENV_ASSERTION"],
        },
    },
]


def a_checkout(folder: Path, *names: str) -> Path:
    """Write a checkout of tau2-bench with domains of these names; return its folder."""
    for name in names:
        data, code = folder / "data/tau2/domains" / name, folder / "src/tau2/domains" / name
        data.mkdir(parents=True)
        code.mkdir(parents=True)
        (data / "policy.md").write_text("Lend for 14 days.", "utf-8")
        (data / "db.json").write_text(json.dumps(DATABASE), "utf-8")
        (data / "tasks.json").write_text(json.dumps(TASKS), "utf-8")
        (code / "tools.py").write_text(TOOLS, "utf-8")
        (code / "data_model.py").write_text(MODELS, "utf-8")
    return folder
