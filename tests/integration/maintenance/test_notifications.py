"""Notifications reach a real address: signed, in order, again after a failure, and across restarts."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.builders import a_new_dag, a_spec
from tests.support.desk import Desk, a_desk
from tests.support.receiver import Receiver, a_receiver
from tests.support.sources import ROOT
from tests.support.waiting import wait_until
from titan.maintenance.notifications import Address, Notifier, http_client, read_addresses
from titan.model.errors import InvalidInput
from titan.orchestrator.bus import Bus
from titan.rules.notification_rules import NoticeKind, check_texts

OWN_URL = "http://127.0.0.1:5000"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with a_desk(tmp_path) as desk:
        desk.join()
        yield desk


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with a_receiver() as receiver:
        yield receiver


def the_guides_check() -> Callable[[str, bytes, str], bool]:
    """Return the function that the guide gives to receivers."""
    page = (ROOT / "docs/guide/notifications.md").read_text("utf-8")
    found: dict[str, Callable[[str, bytes, str], bool]] = {}
    exec(page.split("```python\n")[1].split("```")[0], found)
    return found["is_from_titan"]


def fail(desk: Desk, name: str) -> None:
    """Submit a DAG of one job called `name`, and have it fail."""
    desk.submit(a_new_dag(a_spec(name), name=f"dag-{name}"))
    desk.run_all(failing=[name])


def while_notifying(
    desk: Desk,
    urls: str,
    act: Callable[[], None],
    *,
    secret: str = "",
    texts: dict[NoticeKind, str] | None = None,
) -> None:
    """Do `act`, in a thread, while a server's notifier works."""

    async def notify() -> None:
        bus = Bus(asyncio.get_running_loop())
        desk.store.listen(bus.publish)
        addresses = read_addresses(urls)
        notifier = Notifier(
            desk.store,
            bus=bus,
            clock=desk.clock,
            own_url=OWN_URL,
            texts=texts or check_texts({}),
            secret=secret,
        )
        keeping = asyncio.create_task(notifier.keep(addresses))
        await asyncio.to_thread(wait_until, lambda: all(noted(desk, a) for a in addresses), "the notifier to begin")
        await asyncio.to_thread(act)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(notify())


def noted(desk: Desk, address: Address) -> str | None:
    """Return up to which entry an address has heard."""
    return desk.store.read(lambda reader: reader.note(address.note))


def test_a_failed_dag_is_posted_with_an_id_a_signature_and_a_link(desk: Desk, receiver: Receiver) -> None:
    def act() -> None:
        fail(desk, "train")
        receiver.wait_for(1)

    while_notifying(desk, receiver.url, act, secret="hush")

    (post,) = receiver.received
    dag_id = desk.dag().id
    assert post.path == "/hook"
    assert post.value["kind"] == "dag_failed"
    assert post.value["text"].startswith("Titan: DAG dag-train ended FAILED: 1 of 1 jobs failed.")
    assert post.value["link"] == f"{OWN_URL}/dags/DAG-dag-train?id={dag_id}"
    assert post.headers["Titan-Notification-Id"] == post.value["id"]
    is_from_titan = the_guides_check()
    assert is_from_titan("hush", post.body, post.headers["Titan-Signature"])
    assert not is_from_titan("other", post.body, post.headers["Titan-Signature"])


def test_a_notice_names_its_project_and_links_to_its_page_there(desk: Desk, receiver: Receiver) -> None:
    def act() -> None:
        desk.join()
        desk.submit(a_new_dag(a_spec("train")), project_id="a b")
        desk.run_all(failing=["train"])
        receiver.wait_for(1)

    while_notifying(desk, receiver.url, act)

    (post,) = receiver.received
    assert post.value["project"] == "a b"
    assert post.value["link"].startswith(f"{OWN_URL}/p/a%20b/dags/DAG-")


def test_slack_gets_a_text_in_which_its_own_characters_are_escaped(desk: Desk, receiver: Receiver) -> None:
    def act() -> None:
        fail(desk, "train")
        receiver.wait_for(1)

    texts = check_texts({"dag_failed": "<{dag}> & {status}"})
    while_notifying(desk, f"slack+{receiver.url}", act, texts=texts)

    assert receiver.received[0].value == {"text": "<dag-train> & FAILED"}
    assert "Titan-Signature" not in receiver.received[0].headers


@pytest.mark.parametrize(
    ("userinfo", "sent"),
    [
        ("ann:se%40cr%2Cet@", b"ann:se@cr,et"),
        ("ann:a:b@", b"ann:a:b"),
        ("ann@", b"ann:"),
        (":key@", b":key"),
        ("ann:%C3%BC%0D%0AX-Evil:1@", "ann:ü\r\nX-Evil:1".encode()),
        ("@", None),
        ("", None),
    ],
)
def test_a_name_and_a_password_in_a_url_are_sent_as_basic_authorization(
    receiver: Receiver, userinfo: str, sent: bytes | None
) -> None:
    (address,) = read_addresses(receiver.url.replace("//", f"//{userinfo}"))

    async def send() -> None:
        async with http_client() as client:
            await client.post(address.url, content=b"{}")

    asyncio.run(send())

    (post,) = receiver.received
    assert post.headers.get("Authorization") == (sent and f"Basic {base64.b64encode(sent).decode()}")
    assert address.shown == receiver.url.split("/")[2]  # what logs and settings show has no password


def test_a_new_address_receives_no_earlier_events(desk: Desk, receiver: Receiver) -> None:
    fail(desk, "before")

    def act() -> None:
        fail(desk, "after")
        receiver.wait_for(1)

    while_notifying(desk, receiver.url, act)

    assert [post.value["dag"] for post in receiver.received] == ["dag-after"]


def test_temporarily_refused_posts_are_retried_in_order(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [503, 200, 200]

    def act() -> None:
        fail(desk, "one")
        fail(desk, "two")
        receiver.wait_for(3)

    while_notifying(desk, receiver.url, act)

    assert [post.value["dag"] for post in receiver.received] == ["dag-one", "dag-one", "dag-two"]
    assert receiver.received[0].value["id"] == receiver.received[1].value["id"]


def test_a_permanently_refused_post_is_dropped_and_the_next_one_sent(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = [404]

    def act() -> None:
        fail(desk, "one")
        fail(desk, "two")
        receiver.wait_for(2)

    while_notifying(desk, receiver.url, act)

    assert [post.value["dag"] for post in receiver.received] == ["dag-one", "dag-two"]


def test_a_restart_loses_nothing_and_repeats_nothing_that_was_delivered(desk: Desk, receiver: Receiver) -> None:
    (address,) = read_addresses(receiver.url)

    def first() -> None:
        fail(desk, "one")
        receiver.wait_for(1)
        last = desk.store.read(lambda reader: reader.last_seq())
        wait_until(lambda: noted(desk, address) == str(last), "the delivery to be noted")

    while_notifying(desk, receiver.url, first)
    fail(desk, "while down")

    def second() -> None:
        receiver.wait_for(2)

    while_notifying(desk, receiver.url, second)

    assert [post.value["dag"] for post in receiver.received] == ["dag-one", "dag-while down"]


def test_an_address_that_does_not_answer_delays_no_other(desk: Desk, receiver: Receiver) -> None:
    with ExitStack() as stack:
        dead = stack.enter_context(a_receiver())
        dead_url = dead.url
        dead.close()

        def act() -> None:
            fail(desk, "train")
            receiver.wait_for(1)

        while_notifying(desk, f"{dead_url}, {receiver.url}", act)

    assert len(receiver.received) == 1


@pytest.mark.parametrize("text", ["example.com", "ftp://example.com", "http://", "http://a b/", "http://x:99999/"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="setting TITAN_NOTIFY: expected URLs with commas between"):
        read_addresses(f"http://127.0.0.1/, {text}")


def test_the_addresses_of_slack_are_known_by_their_host_or_by_name() -> None:
    found = read_addresses("https://hooks.slack.com/services/T/B/secret,slack+https://chat.example/x,https://e.example")

    assert [(address.shown, address.is_slack) for address in found] == [
        ("hooks.slack.com", True),
        ("chat.example", True),
        ("e.example", False),
    ]
    assert "secret" not in "".join(address.shown for address in found)
