"""Values of `env=` are encrypted for one project, with a key of the environment or of the home."""

from pathlib import Path

import pytest

from titan.env_cipher import KEY_FILE, EnvCipher, open_cipher
from titan.model.errors import InvalidInput, StoreUnavailable
from titan.model.jobs import FORK_OF

PLAIN = {"API_KEY": "hunter2hunter2", "EMPTY": "", "WORDS": "Grüße\n\udce9"}


def test_values_are_encrypted_and_decrypted_and_encrypting_again_changes_nothing() -> None:
    cipher = EnvCipher("k" * 32)

    encrypted = cipher.encrypted(PLAIN, "default")

    assert "hunter2" not in str(encrypted)
    assert cipher.decrypted(encrypted, "default") == PLAIN
    assert cipher.encrypted(encrypted, "default") == encrypted
    assert cipher.encrypted({FORK_OF: "run"}, "default") == {FORK_OF: "run"}, "the server reads that one"


def test_another_project_and_another_key_decrypt_nothing() -> None:
    cipher, other = EnvCipher("k" * 32), EnvCipher("o" * 32)
    encrypted = cipher.encrypted(PLAIN, "default")

    assert cipher.decrypted(encrypted, "acme") == encrypted
    assert other.decrypted(encrypted, "default") == encrypted
    assert cipher.may_decrypt(encrypted)
    assert not other.may_decrypt(encrypted)


def test_plain_values_of_before_stay_readable() -> None:
    cipher = EnvCipher("k" * 32)

    assert cipher.may_decrypt(PLAIN)
    assert cipher.decrypted(PLAIN, "default") == PLAIN


def test_a_changed_value_is_not_decrypted() -> None:
    cipher = EnvCipher("k" * 32)
    encrypted = cipher.encrypted({"A": "hunter2hunter2"}, "default")["A"]
    changed = encrypted[:-4] + ("AAAA" if encrypted[-4:] != "AAAA" else "BBBB")

    assert cipher.decrypted({"A": changed, "B": encrypted[:40]}, "default") == {"A": changed, "B": encrypted[:40]}


def test_the_homes_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    encrypted = open_cipher("", tmp_path).encrypted(PLAIN, "default")

    assert open_cipher("", tmp_path).decrypted(encrypted, "default") == PLAIN
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_key_of_the_environment_makes_no_file(tmp_path: Path) -> None:
    open_cipher("s" * 32, tmp_path)

    assert [*tmp_path.iterdir()] == []


def test_a_short_key_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"TITAN_SECRET_KEY.*32 characters"):
        open_cipher("short", tmp_path)
    (tmp_path / KEY_FILE).write_text("cut")
    with pytest.raises(StoreUnavailable, match=r"secret-key.*32 characters"):
        open_cipher("", tmp_path)
    (tmp_path / KEY_FILE).unlink()
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(StoreUnavailable, match=r"secret-key.*TITAN_SECRET_KEY"):
        open_cipher("", tmp_path)
