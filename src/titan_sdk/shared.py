"""What programs share through the server: texts and sets under keys, and files."""

from __future__ import annotations

import os

from titan_sdk.connected import Connected
from titan_sdk.encoding import quote
from titan_sdk.errors import InvalidInput, MissingFile, NotFound
from titan_sdk.transport import RETRY_FOR_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NO_ARTIFACT = frozenset({"", "NULL", "CLEARED"})  # what scripts of the original store for "nothing"


class Shared(Connected):
    """The shared store and the shared files of one server.

    Keys are 1 to 1024 bytes of UTF-8 without control characters; values have up to 10 MiB of UTF-8.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        token: str | None = None,
        *,
        retry_for_seconds: float = RETRY_FOR_SECONDS,
        announce: Callable[[str], object] = print,
    ) -> None:
        super().__init__(host, port, token, retry_for_seconds=retry_for_seconds)
        self._announce = announce

    def store_put(self, key: str, value: object) -> str:
        """Set a key to a text and return "OK" once it is durable; numbers and the like as `str` has them.

        Raises:
            InvalidName: the key is not allowed.
            InvalidInput: the value is bytes.
            TooLarge: the value is over 10 MiB.
        """
        if isinstance(value, bytes | bytearray | memoryview):
            raise InvalidInput(
                subject=f"key {key!r}",
                expected="text",
                found=type(value).__name__,
                next_step="Decode it, or publish it as a file with publish_artifact. Nothing was stored.",
            )
        answer = self.transport.request_json("PUT", "/api/store", body={"key": key, "value": str(value)})
        return str(answer["status"])

    def store_get(self, key: str) -> str | None:
        """Return the value of a key, or None when it was never set."""
        value: str | None = self.transport.request_json("GET", "/api/store", query={"key": key})["value"]
        return value

    def store_sadd(self, key: str, member: object) -> int:
        """Add a member to the set at a key; return 1 when it is new, 0 when it was there.

        Raises:
            InvalidName: the key is not allowed.
        """
        body = {"key": key, "member": str(member)}
        return int(self.transport.request_json("POST", "/api/store/sets", body=body)["added"])

    def store_smembers(self, key: str) -> list[str]:
        """Return the members of the set at a key in the order they came; [] when there is none."""
        answer = self.transport.request_json("GET", "/api/store/sets", query={"key": key})
        members: list[str] = answer["members"]
        return members

    def upload_file(self, filepath: str | os.PathLike[str]) -> str:
        """Store a file of any size under its base name; return "UPLOAD_SUCCESS" once it is durable.

        Raises:
            MissingFile: there is no such file.
            TooLarge: over the server's limit, by default 1 GiB.
        """
        self._upload(os.fspath(filepath))
        return "UPLOAD_SUCCESS"

    def fetch_artifact(self, filename: str, save_path: str | os.PathLike[str] | None = None) -> bool:
        """Save the newest file that was uploaded under a name; return False when there is none.

        `save_path` is by default the system's temporary folder + the name. It appears only once it is whole.

        Raises:
            OSError: it cannot be written.
        """
        return self._download(f"/api/files/{quote(filename)}", filename, save_path)

    def publish_artifact(self, key: str, filename: str | os.PathLike[str]) -> bool:
        """Upload a file and set a key to its base name: `get_artifact` of the key gives this very content.

        Returns False, and says so, when there is no such file.

        Raises:
            InvalidName, TooLarge: as `store_put` and `upload_file`.
        """
        try:
            name, digest = self._upload(os.fspath(filename))
        except MissingFile as missing:
            self._announce(f"[SDK] Not published: {missing}")
            return False
        body = {"key": key, "value": name, "artifact": digest}
        self.transport.request_json("PUT", "/api/store", body=body)
        return True

    def get_artifact(self, key: str, save_path: str | os.PathLike[str] | None = None) -> bool:
        """Save the file that was published under a key, as it was then; return False when there is none.

        `save_path` as in `fetch_artifact`.

        Raises:
            OSError: it cannot be written.
        """
        entry = self.transport.request_json("GET", "/api/store", query={"key": key})
        name: str | None = entry["value"]
        if name is None or name in _NO_ARTIFACT:
            return False
        path = f"/api/blobs/{entry['artifact']}" if entry["artifact"] else f"/api/files/{quote(name)}"
        return self._download(path, name, save_path)

    def _upload(self, filepath: str) -> tuple[str, str]:
        """Return the name and the SHA-256 digest under which the server keeps the file."""
        if not os.path.isfile(filepath):
            raise MissingFile(
                subject=f"file {filepath!r}",
                expected="a file to upload",
                found=f"nothing there (working directory {os.getcwd()!r})",
                next_step="Correct the path. Nothing was sent.",
            )
        answer = self.transport.upload(f"/api/files/{quote(os.path.basename(filepath))}", filepath)
        return str(answer["name"]), str(answer["digest"])

    def _download(self, path: str, name: str, save_path: str | os.PathLike[str] | None) -> bool:
        try:
            self.transport.download(path, save_path or _default_save_path(name))
        except NotFound:
            return False
        return True


def _default_save_path(name: str) -> str:
    import tempfile  # 8 ms, and only this needs it

    return os.path.join(tempfile.gettempdir(), os.path.basename(name))
