"""Messages to the supervisor."""

import select

from titan.worker.mailbox import LeasesLost, LeaveAsked, Mailbox, Message, StopAsked


def has_messages(mailbox: Mailbox) -> bool:
    return bool(select.select([mailbox], [], [], 0)[0])


def test_news_comes_out_in_the_order_it_went_in() -> None:
    mailbox = Mailbox()
    messages: list[Message] = [StopAsked(lease_ids=("a",)), LeasesLost(lease_ids=("b",)), LeaveAsked(why="SIGTERM")]

    for each in messages:
        mailbox.post(each)

    assert list(mailbox.take_all()) == messages
    mailbox.close()


def test_a_selector_sees_news_until_it_is_taken() -> None:
    mailbox = Mailbox()
    assert not has_messages(mailbox)

    mailbox.post(LeaveAsked(why="SIGTERM"))

    assert has_messages(mailbox)
    assert len(list(mailbox.take_all())) == 1
    assert not has_messages(mailbox)
    mailbox.close()


def test_more_news_than_a_socket_holds_wake_ups_for_is_kept() -> None:
    mailbox = Mailbox()

    for number in range(5_000):
        mailbox.post(StopAsked(lease_ids=(str(number),)))
    taken = [messages for _ in range(5_000) for messages in mailbox.take_all()]

    assert len(taken) == 5_000
    mailbox.close()
