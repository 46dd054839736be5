"""Composes what prepares entries for the store: here, and in the process that does nothing else."""

from titan.engine.preparing import Preparer
from titan.llm.prices import ListedPrices
from titan.rules.entry_redaction import EntryRedactor
from titan.rules.redaction import make_redactor
from titan.upkeep import Privacy


def make_preparer(privacy: Privacy, key: bytes) -> Preparer:
    """Return what takes secrets away as `privacy` says, with fingerprints by `key`, and prices calls."""
    redactor = make_redactor(key=key, patterns=privacy.patterns, fields=privacy.fields)
    return Preparer(EntryRedactor(redactor, keeps_bodies=privacy.keeps_bodies), ListedPrices())
