"""Certificate files that can be used, and plain words about those that cannot."""

from pathlib import Path

import pytest

from tests.support.certificates import Certificate, a_certificate, with_password
from titan.model.errors import InvalidInput
from titan.server.http.serve import tls_context

pytestmark = pytest.mark.needs("openssl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def certificate(folder: Path) -> Certificate:
    return a_certificate(folder)


def test_a_pair_of_files_is_used(certificate: Certificate) -> None:
    tls_context(certificate.file, certificate.key)


def test_the_key_may_be_in_the_certificates_file(certificate: Certificate, folder: Path) -> None:
    both = folder / "both.pem"
    both.write_bytes(certificate.key.read_bytes() + certificate.file.read_bytes())

    tls_context(both, None)


def test_a_file_that_is_not_there_is_named(certificate: Certificate, folder: Path) -> None:
    with pytest.raises(InvalidInput, match=r"TLS key .*missing: expected a file that Titan can read; found No such"):
        tls_context(certificate.file, folder / "missing")
    with pytest.raises(InvalidInput, match=r"TLS certificate .*found Is a directory"):
        tls_context(folder, certificate.key)


def test_a_key_of_another_certificate_is_said_so(certificate: Certificate, folder: Path) -> None:
    other = a_certificate(folder, name="other")

    with pytest.raises(InvalidInput, match="found a key that belongs to another certificate"):
        tls_context(certificate.file, other.key)


def test_a_key_with_a_password_is_refused_without_asking(certificate: Certificate) -> None:
    with pytest.raises(InvalidInput, match="without a password"):
        tls_context(certificate.file, with_password(certificate.key))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00\xff" * 500, b"-----BEGIN CERTIFICATE-----\nx\n"])
def test_an_invalid_certificate_is_refused(certificate: Certificate, folder: Path, content: bytes) -> None:
    file = folder / "odd.pem"
    file.write_bytes(content)

    with pytest.raises(InvalidInput, match="expected a certificate chain in PEM"):
        tls_context(file, certificate.key)
