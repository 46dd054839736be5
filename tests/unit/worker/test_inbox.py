"""News for the supervisor."""

import select

from titan.worker.mailbox import Inbox, LeasesLost, LeaveAsked, News, StopAsked


def has_news(inbox: Inbox) -> bool:
    return bool(select.select([inbox], [], [], 0)[0])


def test_news_comes_out_in_the_order_it_went_in() -> None:
    inbox = Inbox()
    news: list[News] = [StopAsked(lease_ids=("a",)), LeasesLost(lease_ids=("b",)), LeaveAsked(why="SIGTERM")]

    for each in news:
        inbox.post(each)

    assert list(inbox.take_all()) == news
    inbox.close()


def test_a_selector_sees_news_until_it_is_taken() -> None:
    inbox = Inbox()
    assert not has_news(inbox)

    inbox.post(LeaveAsked(why="SIGTERM"))

    assert has_news(inbox)
    assert len(list(inbox.take_all())) == 1
    assert not has_news(inbox)
    inbox.close()


def test_more_news_than_a_socket_holds_wake_ups_for_is_kept() -> None:
    inbox = Inbox()

    for number in range(5_000):
        inbox.post(StopAsked(lease_ids=(str(number),)))
    taken = [news for _ in range(5_000) for news in inbox.take_all()]

    assert len(taken) == 5_000
    inbox.close()
