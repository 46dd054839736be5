"""The language model: whether one is configured, and whether its endpoint answers, without asking it anything."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from titan.cli.doctor.findings import Finding, ok, warn
from titan.llm.addresses import LOCAL, SCRIPTED_PREFIX
from titan.llm.openai_compatible import OpenAICompatibleModel
from titan.llm.registry import open_model


def check_model(home: Path, address: str | None) -> Iterator[Finding]:
    """Look at the model at `address`, which the server named; None: as the environment says."""
    if address is not None and address.startswith((f"{LOCAL}/", SCRIPTED_PREFIX)):
        yield ok("model", f"{address}: inside the server")  # its name for one that is nowhere else
        return
    model = open_model(address, os.environ, home)
    if model is None:
        step = "Set TITAN_MODEL if jobs are to ask one, for example gemini/gemini-2.5-flash with GEMINI_API_KEY."
        yield warn("model", "none is configured", step)
    elif isinstance(model, OpenAICompatibleModel):
        if asyncio.run(_look(model)):
            yield ok("model", f"{model.name}: its endpoint answers, and lists it")
        else:
            step = "Check its name; some endpoints list only a part of what they serve."
            yield warn("model", f"{model.name}: its endpoint answers, but does not list it", step)
    else:
        yield ok("model", f"{model.name}: on this machine")


async def _look(model: OpenAICompatibleModel) -> bool:
    try:
        return await model.is_listed()
    finally:
        await model.close()
