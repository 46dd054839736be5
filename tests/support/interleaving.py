"""Runs actors step by step in a chosen order, and goes through every order there is."""

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue

PATIENCE_SECONDS = 30.0


class Stage:
    """Lets one actor at a time do one step; each actor is a thread that calls `step` before each of its steps."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = choices
        self._events: SimpleQueue[tuple[int, bool]] = SimpleQueue()  #: (actor, whether it has ended)
        self._turns: dict[int, threading.Semaphore] = {}
        self._numbers: dict[int, int] = {}  #: thread → actor
        self._failures: list[BaseException] = []
        #: How many actors could have gone on at each point.
        self.options: list[int] = []

    def step(self) -> None:
        """Wait for this actor's turn; does nothing in a thread that is no actor."""
        number = self._numbers.get(threading.get_ident())
        if number is not None:
            self._events.put((number, False))
            assert self._turns[number].acquire(timeout=PATIENCE_SECONDS)

    def play(self, *actors: Callable[[], None]) -> None:
        """Run the actors to their ends; at each point the next of `choices` says who goes on, after them the first."""
        threads = []
        for number, actor in enumerate(actors):
            self._turns[number] = threading.Semaphore(0)
            threads.append(threading.Thread(target=self._act, args=(number, actor)))
            threads[-1].start()
        arrivals = [self._next_to_wait() for _ in actors]
        waiting = {arrived for arrived in arrivals if arrived is not None}
        while waiting:
            able = sorted(waiting)
            position = len(self.options)
            self.options.append(len(able))
            chosen = able[self._choices[position] % len(able) if position < len(self._choices) else 0]
            waiting.discard(chosen)
            self._turns[chosen].release()
            arrived = self._next_to_wait()
            if arrived is not None:
                waiting.add(arrived)
        for thread in threads:
            thread.join(PATIENCE_SECONDS)
        if self._failures:
            raise self._failures[0]

    def _act(self, number: int, actor: Callable[[], None]) -> None:
        self._numbers[threading.get_ident()] = number
        try:
            actor()
        except BaseException as failure:
            self._failures.append(failure)
            raise
        finally:
            self._events.put((number, True))

    def _next_to_wait(self) -> int | None:
        number, has_ended = self._events.get(timeout=PATIENCE_SECONDS)
        return None if has_ended else number


def every_order(play: Callable[[Stage], None]) -> Iterator[list[int]]:
    """Call `play` once for each order of its actors' steps, and yield the choices that made it."""
    choices: list[int] = []
    while True:
        stage = Stage(choices)
        play(stage)
        made = [*choices, *[0] * (len(stage.options) - len(choices))]
        yield made
        while made and made[-1] + 1 >= stage.options[len(made) - 1]:
            made.pop()
        if not made:
            return
        choices = [*made[:-1], made[-1] + 1]
