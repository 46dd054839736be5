"""Composes what prepares entries for the store: here, and in the process that does nothing else."""

from titan.engine.preparing import Preparer
from titan.llm.prices import ListedPrices
from titan.rules.bodiless import Bodiless
from titan.rules.entry_redaction import EntryRedactor
from titan.rules.redaction import make_redactor
from titan.rules.storable import storable_text
from titan.upkeep import Privacy


def make_preparer(privacy: Privacy, key: bytes) -> Preparer:
    """Return what takes secrets away as `privacy` says, with fingerprints by `key`, and prices calls."""
    redactor = make_redactor(key=key, patterns=privacy.patterns, fields=privacy.fields)
    # Names as they are kept: one that holds a secret is known by what stands for it.
    names = (redactor.redact_text(storable_text(name)).text for name in privacy.bodiless)
    bodiless = Bodiless.of(names, is_all=not privacy.keeps_bodies)
    return Preparer(EntryRedactor(redactor, bodiless), ListedPrices(), bodiless)
