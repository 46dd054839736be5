"""Encrypts the values that jobs are given as `env=`, so that no store, backup or archive holds one.

A value is encrypted when it is submitted and decrypted when its job is leased to a worker; everything between passes on
the ciphertext.
"""

import hashlib
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from titan.model.errors import InvalidInput, StoreUnavailable
from titan.model.jobs import FORK_OF
from titan.secret_files import kept_secret

KEY_FILE: Final = "secret-key"  #: in the home, without TITAN_SECRET_KEY; no backup holds it
LEAST_CHARACTERS: Final = 32
_MARK: Final = "titan-encrypted:"
_NONCE_BYTES: Final = 12  # NIST SP 800-38D 8.2


class EnvCipher:
    """Encrypts and decrypts values of one project at a time, by AES-256-GCM."""

    def __init__(self, secret: str) -> None:
        """Derive the key from `secret`, which is random: a slow hash would add nothing."""
        self._cipher = AESGCM(hashlib.sha256(b"titan env key " + secret.encode()).digest())
        key_id = hashlib.sha256(b"titan env key id " + secret.encode()).hexdigest()[:12]
        self._prefix = f"{_MARK}{key_id}:"

    def encrypted(self, environment: Mapping[str, str], project_id: str) -> dict[str, str]:
        """Return variables with encrypted values; those that this project's key encrypted before stay as they are."""
        return {
            name: value
            if name == FORK_OF or self._plain(value, project_id) is not None
            else self._of(value, project_id)
            for name, value in environment.items()
        }

    def decrypted(self, environment: Mapping[str, str], project_id: str) -> dict[str, str]:
        """Return variables with plain values. A text that this project's key did not encrypt is plain already."""
        return {
            name: value if (plain := self._plain(value, project_id)) is None else plain
            for name, value in environment.items()
        }

    def may_decrypt(self, environment: Mapping[str, str]) -> bool:
        """Return False if another key encrypted one of the values."""
        return all(
            name == FORK_OF or not value.startswith(_MARK) or value.startswith(self._prefix)
            for name, value in environment.items()
        )

    def _of(self, value: str, project_id: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        content = self._cipher.encrypt(nonce, value.encode("utf-8", "surrogatepass"), project_id.encode())
        return self._prefix + urlsafe_b64encode(nonce + content).decode()

    def _plain(self, value: str, project_id: str) -> str | None:
        if not value.startswith(self._prefix):
            return None
        try:
            content = urlsafe_b64decode(value.removeprefix(self._prefix))
            nonce, content = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
            return self._cipher.decrypt(nonce, content, project_id.encode()).decode("utf-8", "surrogatepass")
        except (ValueError, InvalidTag):
            return None


def open_cipher(secret: str, home: Path) -> EnvCipher:
    """Return the cipher with TITAN_SECRET_KEY as its `secret`; without one, with the key in the home's file.

    Raises:
        InvalidInput: the secret is too short.
        StoreUnavailable: the file cannot be read or made.
    """
    if not secret:
        return EnvCipher(_key_of(home / KEY_FILE))
    if len(secret) < LEAST_CHARACTERS:
        raise InvalidInput(
            "setting TITAN_SECRET_KEY",
            expected=f"{LEAST_CHARACTERS} characters or more, as `openssl rand -hex 32` prints them",
            found=f"{len(secret)}",
            next_step="Correct it in the environment.",
        )
    return EnvCipher(secret)


def _key_of(file: Path) -> str:
    try:
        found = kept_secret(file)
    except (OSError, ValueError) as error:
        raise StoreUnavailable(
            f"key file {file}",
            expected="a file that this user can read, or a folder in which one can be made",
            found=str(error),
            next_step="Look at its permissions, or set TITAN_SECRET_KEY.",
        ) from error
    if len(found) >= LEAST_CHARACTERS:
        return found
    raise StoreUnavailable(
        f"key file {file}",
        expected=f"{LEAST_CHARACTERS} characters or more",
        found=f"{len(found)}",
        next_step="Put back the file, set TITAN_SECRET_KEY, or remove the file: jobs that wait with env= then stay.",
    )
