"""The texts that a run keeps once: which of them are stored, as far as this process remembers."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

#: Of all runs together; a digest takes about 150 bytes of memory here.
MAX_DIGESTS: Final = 200_000


class KnownTexts:
    """Run number → digest → number of the text. A run that was not asked for in a while is read again."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[bytes, int]] = OrderedDict()
        self._count = 0

    def of_run(self, run_no: int, read: Callable[[], dict[bytes, int]]) -> dict[bytes, int]:
        """Return the run's texts, which the caller may add to; `read` finds them in the store."""
        found = self._runs.get(run_no)
        if found is None:
            found = read()
            self._runs[run_no] = found
            self._count += len(found)
        else:
            self._runs.move_to_end(run_no)
        return found

    def grew(self, count: int) -> None:
        """Note that so many texts were added to what `of_run` returned."""
        self._count += count

    def trim(self) -> None:
        """Forget the runs asked for longest ago, when there are many texts."""
        while self._count > MAX_DIGESTS and len(self._runs) > 1:
            _, texts = self._runs.popitem(last=False)
            self._count -= len(texts)

    def forget(self, run_no: int) -> None:
        """Forget a run whose texts are not as was thought."""
        self._count -= len(self._runs.pop(run_no, ()))

    def clear(self) -> None:
        """Forget all: a transaction was taken back."""
        self._runs.clear()
        self._count = 0
