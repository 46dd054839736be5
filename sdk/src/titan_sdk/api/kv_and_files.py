"""The client's methods for the key-value store and for files."""

from __future__ import annotations

import os

from titan_sdk.api import ClientBase
from titan_sdk.errors import InvalidInput, MissingFile, NotFound
from titan_sdk.http import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_RAW = (bytes, bytearray, memoryview)
_NO_ARTIFACT = frozenset({"", "NULL", "CLEARED"})  # what scripts of the original store for "nothing"


class StoreAndFiles(ClientBase):
    """The client's methods for the key-value store and for files.

    Keys are 1 to 1024 bytes of UTF-8 without control characters; values have up to 10 MiB of UTF-8.
    """

    async def store_put(self, key: str, value: object, *, ttl: float | None = None) -> str:
        """Set a key to a text and return "OK" once it is durable; other values are converted by `str`.

        Args:
            ttl: seconds after which the key expires; None keeps it and ends an earlier ttl.

        Raises:
            InvalidName: the key is not allowed.
            InvalidInput: the value is bytes, or `ttl` is not above 0.
            TooLarge: the value is over 10 MiB.
        """
        body: dict[str, object] = {"key": key, "value": _text(key, value)}
        if ttl is not None:
            body["ttl_seconds"] = ttl
        return str((await self.transport.request_json("PUT", "/api/store", body=body))["status"])

    async def store_get(self, key: str) -> str | None:
        """Return the value of a key, or None when it is not set, was deleted or has expired."""
        value: str | None = (await self.transport.request_json("GET", "/api/store", query={"key": key}))["value"]
        return value

    async def store_delete(self, key: str) -> bool:
        """Remove the value or the set at a key; return whether there was one.

        Raises:
            InvalidName: the key is not allowed.
        """
        return bool((await self.transport.request_json("DELETE", "/api/store", query={"key": key}))["deleted"])

    async def store_incr(self, key: str, by: int = 1) -> int:
        """Add to the whole number at a key, atomically, and return the sum; an absent key counts 0.

            client.store_incr("visits")  # -> 1, then 2, …

        Raises:
            Conflict: the value is no whole number. Nothing was changed.
        """
        return int((await self.transport.request_json("POST", "/api/store/incr", body={"key": key, "by": by}))["value"])

    async def store_cas(
        self, key: str, expected: object | None, value: object | None, *, ttl: float | None = None
    ) -> bool:
        """Set a key to `value` if it holds `expected` (compare and swap); return whether it was set.

            client.store_cas("leader", None, "me", ttl=30)  # True for one of all that try

        Args:
            expected: None: only if the key is absent.
            value: None removes the key.
            ttl: as in `store_put`.
        """
        body: dict[str, object] = {
            "key": key,
            "expected": None if expected is None else _text(key, expected),
            "value": None if value is None else _text(key, value),
        }
        if ttl is not None:
            body["ttl_seconds"] = ttl
        return bool((await self.transport.request_json("POST", "/api/store/cas", body=body))["swapped"])

    async def store_keys(self, prefix: str = "") -> list[str]:
        """Return all keys that begin with `prefix`, sorted; keys set meanwhile may be missing."""
        keys: list[str] = []
        after: str | None = None
        while True:
            page = await self.transport.request_json("GET", "/api/store/keys", query={"prefix": prefix, "after": after})
            keys += page["keys"]
            after = page["next"]
            if after is None:
                return keys

    async def store_sadd(self, key: str, member: object) -> int:
        """Add a member to the set at a key; return 1 when it is new, 0 when it was there.

        Raises:
            InvalidName: the key is not allowed.
        """
        body = {"key": key, "member": str(member)}
        return int((await self.transport.request_json("POST", "/api/store/sets", body=body))["added"])

    async def store_smembers(self, key: str) -> list[str]:
        """Return the members of the set at a key in the order they came; [] when there is none."""
        members: list[str] = (await self.transport.request_json("GET", "/api/store/sets", query={"key": key}))[
            "members"
        ]
        return members

    async def upload_file(self, filepath: str | os.PathLike[str]) -> str:
        """Store a file of any size under its base name; return "UPLOAD_SUCCESS" once it is durable.

        Raises:
            MissingFile: there is no such file.
            TooLarge: over the server's limit, by default 1 GiB.
        """
        await self._upload(os.fspath(filepath))
        return "UPLOAD_SUCCESS"

    async def upload_project_folder(self, folder_path: str | os.PathLike[str], project_name: str | None = None) -> str:
        """Zip a folder, upload it as `<project_name>.zip`, and return "UPLOAD_SUCCESS" once it is durable.

        Names in the archive are relative to the folder; `__pycache__` and an older `<project_name>.zip` are left
        out. Jobs run scripts in it with `is_archive=True`.

            client.upload_project_folder("pipelines/etl")
            client.submit_job(TitanJob("load", "etl.zip/jobs/load.py", is_archive=True))

        Args:
            project_name: by default the folder's name.

        Raises:
            MissingFile: there is no such folder.
            OSError: a file cannot be read.
            TooLarge: over the server's limit, by default 1 GiB.
        """
        folder = os.fspath(folder_path)
        name = _archive_name(folder, project_name)
        archive = await self._transport.http.apart(_zipped, folder, without=name)
        try:
            await self.transport.upload(f"/api/files/{quote(name)}", archive)
        finally:
            os.remove(archive)
        return "UPLOAD_SUCCESS"

    async def deploy_script(self, filepath: str | os.PathLike[str]) -> str:
        """Store a script under its base name, and return "DEPLOY_SUCCESS" once it is durable.

        It is stored as `upload_file` stores any file.

        Raises:
            MissingFile, TooLarge: as `upload_file`.
        """
        await self._upload(os.fspath(filepath))
        return "DEPLOY_SUCCESS"

    async def fetch_artifact(self, filename: str, save_path: str | os.PathLike[str] | None = None) -> bool:
        """Save the newest file that was uploaded under a name; return False when there is none.

        `save_path` is by default the system's temporary folder + the name. It appears only once it is whole.

        Raises:
            OSError: it cannot be written.
        """
        return await self._download(f"/api/files/{quote(filename)}", filename, save_path)

    async def publish_artifact(self, key: str, filename: str | os.PathLike[str]) -> bool:
        """Upload a file and set a key to its base name: `get_artifact` of the key returns this content.

        Returns False, and announces it, when there is no such file.

        Raises:
            InvalidName, TooLarge: as `store_put` and `upload_file`.
        """
        try:
            name, digest = await self._upload(os.fspath(filename))
        except MissingFile as missing:
            self._announce(f"[SDK] Not published: {missing}")
            return False
        await self.transport.request_json("PUT", "/api/store", body={"key": key, "value": name, "artifact": digest})
        return True

    async def get_artifact(self, key: str, save_path: str | os.PathLike[str] | None = None) -> bool:
        """Save the file that was published under a key, as it was then; return False when there is none.

        `save_path` as in `fetch_artifact`.

        Raises:
            OSError: it cannot be written.
        """
        entry = await self.transport.request_json("GET", "/api/store", query={"key": key})
        name: str | None = entry["value"]
        if name is None or name in _NO_ARTIFACT:
            return False
        path = f"/api/blobs/{entry['artifact']}" if entry["artifact"] else f"/api/files/{quote(name)}"
        return await self._download(path, name, save_path)

    async def _upload(self, filepath: str) -> tuple[str, str]:
        """Return the name and the SHA-256 digest under which the server keeps the file."""
        _check("file", filepath, is_there=os.path.isfile)
        answer = await self.transport.upload(f"/api/files/{quote(os.path.basename(filepath))}", filepath)
        return str(answer["name"]), str(answer["digest"])

    async def _download(self, path: str, name: str, save_path: str | os.PathLike[str] | None) -> bool:
        try:
            await self.transport.download(path, save_path or _default_save_path(name))
        except NotFound:
            return False
        return True


def _text(key: str, value: object) -> str:
    if isinstance(value, _RAW):
        raise InvalidInput(
            subject=f"key {key!r}",
            expected="text",
            found=type(value).__name__,
            next_step="Decode it, or publish it as a file with publish_artifact. Nothing was stored.",
        )
    return str(value)


def _archive_name(folder: str, project_name: str | None) -> str:
    _check("folder", folder, is_there=os.path.isdir)
    return f"{project_name or os.path.basename(os.path.abspath(folder))}.zip"


def _check(kind: str, path: str, *, is_there: Callable[[str], bool]) -> None:
    if not is_there(path):
        raise MissingFile(
            subject=f"{kind} {path!r}",
            expected=f"a {kind} to upload",
            found=f"nothing there (working directory {os.getcwd()!r})",
            next_step="Correct the path. Nothing was sent.",
        )


def _default_save_path(name: str) -> str:
    import tempfile  # 8 ms, and only this needs it

    return os.path.join(tempfile.gettempdir(), os.path.basename(name))


def _zipped(folder: str, *, without: str) -> str:
    """Write a folder's files into a new temporary zip file, and return its path; the caller removes it.

    Names are relative to the folder, sorted. `__pycache__` folders, sockets, broken links and the file `without` at
    the top are left out; links to files are followed, links to folders are not.

    Raises:
        OSError: a file cannot be read, or the archive not written.
    """
    import tempfile
    import zipfile  # 12 ms to import

    descriptor, archive = tempfile.mkstemp(suffix=".zip", prefix="titan-")
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as zip_file,
        ):
            for path, name in _files_in(folder):
                if name != without:
                    zip_file.write(path, name)
    except BaseException:
        os.remove(archive)
        raise
    return archive


def _files_in(folder: str) -> list[tuple[str, str]]:
    """Return path and relative name of each file, by name."""
    found = []
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                found.append((path, os.path.relpath(path, folder)))
    return sorted(found, key=lambda file: file[1])


def _raise(error: OSError) -> None:
    raise error
