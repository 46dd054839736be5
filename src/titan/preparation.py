"""Composes what prepares entries for the store: here, and in the process that does nothing else."""

from titan.engine.preparing import Preparer
from titan.llm.prices import ListedPrices
from titan.rules.entry_redaction import EntryRedactor
from titan.rules.recording import ContentCapture
from titan.rules.redaction import make_redactor
from titan.upkeep import Privacy


def make_preparer(privacy: Privacy, key: bytes) -> Preparer:
    """Return what takes secrets away as `privacy` says, with fingerprints by `key`, and prices calls."""
    redactor = make_redactor(key=key, patterns=privacy.patterns, fields=privacy.fields)
    entries = EntryRedactor(redactor, keeps_content=privacy.keeps_content)
    names = map(entries.known_as, privacy.content_off)  # one that holds a secret is known by what stands for it
    capture = ContentCapture(is_off=not privacy.keeps_content, off_projects=frozenset(names))
    return Preparer(entries, ListedPrices(), capture)
