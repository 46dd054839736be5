"""The client's methods: the original's return values, and what a name means."""

from __future__ import annotations

import pickle
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fake_titan import FakeTitan, fake_titan
from titan_sdk import TitanClient, TitanJob
from titan_sdk.errors import InvalidInput, MissingFile, NotSupported, ServerUnavailable, UnknownDag, WaitTimeout


@pytest.fixture
def fake() -> Iterator[FakeTitan]:
    with fake_titan() as running:
        yield running


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def client(fake: FakeTitan, said: list[str]) -> TitanClient:
    return TitanClient("127.0.0.1", fake.port, retry_for_seconds=2, announce=said.append)


def a_job(job_id: str, *parents: str) -> TitanJob:
    return TitanJob(job_id, "job.py", parents=parents, script_content="")


def soon(act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(0.05, act)
    timer.start()
    return timer


def test_submitting_says_so_and_returns_the_originals_string(client: TitanClient, said: list[str]) -> None:
    accepted = client.submit_dag("nightly", [a_job("a"), a_job("b", "a")])

    assert accepted == "DAG_ACCEPTED"
    assert (accepted.dag_id, accepted.name, accepted.job_count) == ("d1", "nightly", 2)
    assert said == ["[SDK] Submitting DAG: nightly"]


def test_a_receipt_can_be_sent_to_another_process(client: TitanClient) -> None:
    accepted = client.submit_dag("nightly", [a_job("a")])

    copy = pickle.loads(pickle.dumps(accepted))

    assert (copy, copy.dag_id, copy.name) == ("DAG_ACCEPTED", "d1", "nightly")


def test_a_single_job_is_a_dag_of_its_own_name(client: TitanClient, fake: FakeTitan) -> None:
    assert client.submit_job(a_job("scan")) == "DAG_ACCEPTED"

    assert [(dag["name"], [job["name"] for job in dag["jobs"]]) for dag in fake.facts.dags] == [("scan", ["scan"])]


def test_nothing_is_sent_if_a_job_uses_an_unsupported_field(client: TitanClient, fake: FakeTitan) -> None:
    service = TitanJob("serve", "job.py", port=8080, script_content="")

    with pytest.raises(NotSupported):
        client.submit_dag("release", [a_job("build"), service])

    assert fake.received == []


@pytest.mark.parametrize(
    ("stored", "told"),
    [("WAITING", "PENDING"), ("READY", "PENDING"), ("RUNNING", "RUNNING"), ("FAILED", "FAILED")],
)
def test_waiting_and_ready_read_pending(client: TitanClient, fake: FakeTitan, stored: str, told: str) -> None:
    client.submit_job(a_job("scan"))

    fake.finish("scan", stored)

    assert client.get_job_status("scan") == client.get_job_status("DAG-scan") == told


def test_an_unknown_job_has_a_status_and_an_empty_log(client: TitanClient) -> None:
    assert (client.get_job_status("nobody"), client.fetch_logs("nobody")) == ("UNKNOWN", "")


def test_a_plain_name_means_this_clients_own_job_first(client: TitanClient, fake: FakeTitan) -> None:
    other = TitanClient("127.0.0.1", fake.port, announce=lambda _: None)
    client.submit_job(a_job("scan"))
    other.submit_job(a_job("scan"))

    jobs = [someone.get_job("scan")["job_id"] for someone in (client, other, TitanClient("127.0.0.1", fake.port))]

    assert jobs == ["d1.0", "d2.0", "d2.0"]


def test_logs_are_text_for_any_output(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_job(a_job("scan"))
    fake.finish("scan", "COMPLETED", log="grün\n".encode() + b"\xff")

    assert client.fetch_logs("scan") == "grün\n�"


def test_waiting_for_a_dag_returns_its_status_once_it_is_final(client: TitanClient, fake: FakeTitan) -> None:
    accepted = client.submit_dag("nightly", [a_job("a")])
    finishing = soon(lambda: fake.finish("a", "COMPLETED"))

    statuses = [client.wait(accepted, timeout=5), client.wait("nightly"), client.wait(accepted.dag_id)]

    finishing.join()
    assert statuses == ["COMPLETED"] * 3


def test_waiting_for_several_jobs_returns_the_status_of_each(client: TitanClient, fake: FakeTitan) -> None:
    extract, train = a_job("extract"), a_job("train")
    client.submit_dag("nightly", [extract, train])
    fake.finish("extract", "COMPLETED")
    finishing = soon(lambda: fake.finish("train", "FAILED"))

    statuses = client.wait([extract, "train"], timeout=5)

    finishing.join()
    assert statuses == {"extract": "COMPLETED", "train": "FAILED"}


def test_a_name_that_is_a_job_and_a_dag_means_the_job(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_job(a_job("scan"))
    fake.finish("scan", "CANCELLED")

    assert client.wait("scan") == "CANCELLED"


def test_a_wait_timeout_names_the_current_status(client: TitanClient) -> None:
    accepted = client.submit_dag("nightly", [a_job("a")])

    with pytest.raises(WaitTimeout, match="still WAITING") as caught:
        client.wait(accepted, timeout=0.01)

    assert isinstance(caught.value, TimeoutError)


def test_waiting_for_nobody_is_an_error(client: TitanClient) -> None:
    with pytest.raises(UnknownDag):
        client.wait("nobody")


def test_cancel_returns_the_cancelled_jobs(client: TitanClient, fake: FakeTitan) -> None:
    accepted = client.submit_dag("nightly", [a_job("a"), a_job("b", "a")])

    answers = [client.cancel(accepted), client.cancel("b")]

    assert [answer["cancelled"] for answer in answers] == [["nightly"], ["b"]]
    assert [request.path for request in fake.received[1:]] == ["/api/dags/d1/cancel", "/api/jobs/b/cancel"]


def test_the_store_has_the_originals_return_values(client: TitanClient) -> None:
    assert client.store_put("k", "grün | ; ,") == "OK"
    assert (client.store_get("k"), client.store_get("none")) == ("grün | ; ,", None)
    assert [client.store_sadd("s", member) for member in ("x,y", "z", "z")] == [1, 1, 0]
    assert (client.store_smembers("s"), client.store_smembers("none")) == (["x,y", "z"], [])


def test_numbers_are_stored_as_text_and_bytes_are_refused(client: TitanClient) -> None:
    client.store_put("n", 3)

    with pytest.raises(InvalidInput, match="publish_artifact"):
        client.store_put("b", b"raw")

    assert (client.store_get("n"), client.store_get("b")) == ("3", None)


def test_an_uploaded_file_can_be_fetched_by_its_base_name(client: TitanClient, tmp_path: Path) -> None:
    (tmp_path / "räport 1.md").write_text("text")

    assert client.upload_file(str(tmp_path / "räport 1.md")) == "UPLOAD_SUCCESS"
    assert client.fetch_artifact("räport 1.md", str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "text"


def test_a_published_file_keeps_the_content_of_its_publication(client: TitanClient, tmp_path: Path) -> None:
    for text in ("first", "second"):
        (tmp_path / "report.md").write_text(text)
        assert client.publish_artifact(f"{text}:report", str(tmp_path / "report.md"))

    assert client.get_artifact("first:report", save_path=tmp_path / "copy")

    assert (tmp_path / "copy").read_text() == "first"
    assert client.store_get("first:report") == "report.md"


def test_without_a_path_an_artifact_lands_in_the_temporary_folder(client: TitanClient, tmp_path: Path) -> None:
    name = f"{tmp_path.parent.name}-{tmp_path.name}.txt"
    (tmp_path / name).write_text("text")
    client.publish_artifact("k", tmp_path / name)
    landed = Path(tempfile.gettempdir()) / name

    assert client.get_artifact("k")

    assert landed.read_text() == "text"
    landed.unlink()


@pytest.mark.parametrize("value", [None, "", "NULL", "CLEARED"])
def test_a_key_without_an_artifact_gives_false(client: TitanClient, tmp_path: Path, value: str | None) -> None:
    if value is not None:
        client.store_put("k", value)

    assert not client.get_artifact("k", save_path=tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_name_nobody_uploaded_gives_false(client: TitanClient, tmp_path: Path) -> None:
    assert not client.fetch_artifact("none.md", tmp_path / "copy")


def test_publishing_a_missing_file_gives_false_and_says_so(client: TitanClient, said: list[str]) -> None:
    assert not client.publish_artifact("k", "no-such-file.md")

    assert "no-such-file.md" in said[0]
    assert client.store_get("k") is None


@pytest.mark.parametrize("method", ["upload_file", "deploy_script", "upload_project_folder"])
def test_uploading_a_missing_file_is_an_error_that_names_it(client: TitanClient, fake: FakeTitan, method: str) -> None:
    with pytest.raises(MissingFile, match=r"no/such\.thing") as caught:
        getattr(client, method)("no/such.thing")

    assert isinstance(caught.value, FileNotFoundError)
    assert fake.received == []


def test_a_deployed_script_is_kept_under_its_base_name(client: TitanClient, tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("pass")

    assert client.deploy_script(str(tmp_path / "tool.py")) == "DEPLOY_SUCCESS"
    assert client.fetch_artifact("tool.py", tmp_path / "copy")


def test_a_projects_folder_is_kept_as_a_zip_of_its_files(client: TitanClient, tmp_path: Path) -> None:
    project = tmp_path / "etl"
    for name in ("main.py", "jobs/load.py", "jobs/etl.zip", "etl.zip", "jobs/__pycache__/load.pyc", "leer/ü.txt"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "nowhere").symlink_to("nothing")

    assert client.upload_project_folder(project) == "UPLOAD_SUCCESS"
    assert client.upload_project_folder(f"{project}/", "named") == "UPLOAD_SUCCESS"
    assert client.fetch_artifact("etl.zip", tmp_path / "copy.zip")
    assert client.fetch_artifact("named.zip", tmp_path / "named.zip")

    with zipfile.ZipFile(tmp_path / "copy.zip") as archive:
        assert archive.namelist() == ["jobs/etl.zip", "jobs/load.py", "leer/ü.txt", "main.py"]
        assert archive.read("leer/ü.txt").decode() == "leer/ü.txt"
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    with zipfile.ZipFile(tmp_path / "named.zip") as archive:
        assert "etl.zip" in archive.namelist()  # only the archive's own older self is left out


def test_a_log_whose_stream_ended_with_the_server_is_read_to_its_end(client: TitanClient, fake: FakeTitan) -> None:
    client.submit_job(TitanJob("talker", "talker.py", script_content="pass"))
    fake.facts.logs[client.get_job("talker")["job_id"]] = b"before\n"
    # The stream of a server that stops ends in good order; before its successor is asked, the job has ended.
    fake.after_log = lambda name: fake.finish(name, "COMPLETED", log=b"before\nafter\n")

    assert list(client.follow_logs("talker")) == ["before", "after"]


def test_following_ends_when_the_server_stays_away(fake: FakeTitan) -> None:
    client = TitanClient("127.0.0.1", fake.port, retry_for_seconds=0.1)
    fake.stop()

    for live in (client.watch(), client.follow_logs("a")):
        with pytest.raises(ServerUnavailable, match="titan up"):
            next(live)

    fake.start_again()


def test_methods_of_later_versions_say_so(client: TitanClient) -> None:
    for method, argument in (
        (client.submit_yaml, "a.yaml"),
        (client.stop_service, "s"),
    ):
        with pytest.raises(NotSupported, match=method.__name__):
            method(argument)


def test_a_client_can_be_closed_and_used_again(fake: FakeTitan) -> None:
    with TitanClient("127.0.0.1", fake.port) as client:
        client.store_put("k", "v")

    assert client.store_get("k") == "v"


@pytest.mark.parametrize("port", ["http", 0, 65_536, -1])
def test_a_port_that_is_none_is_refused(port: object) -> None:
    with pytest.raises(InvalidInput, match="port"):
        TitanClient("127.0.0.1", port)  # type: ignore[arg-type]  # the mistake under test
