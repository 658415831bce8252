"""A MySQL server behind TLS: its certificate is checked where the connection names an authority, and not otherwise."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hopnhat.extract.mysql import MySqlSession
from hopnhat.model.errors import MappingError, SourceAccessError
from hopnhat.sample.servers import mariadb_available, remove_mariadb, start_mariadb
from hopnhat.urls import place_of

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(not mariadb_available(), reason="MariaDB is not installed (make services)"),
]


@pytest.fixture(scope="module")
def keys() -> Iterator[Path]:
    """An authority, a server certificate of its for 127.0.0.1, and another authority that signed nothing. Where the user
    that the server runs as can read them: pytest's own folders are closed to it."""
    with tempfile.TemporaryDirectory(prefix="hopnhat-keys-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        _certificate(folder, "other")
        _certificate(folder, "server", signed_by=_certificate(folder, "authority"))
        yield folder


@pytest.fixture(scope="module")
def url(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("tls")
    yield start_mariadb(home, f"--ssl-cert={keys / 'server.pem'}", f"--ssl-key={keys / 'server.key'}")
    remove_mariadb(home)


def _certificate(folder: Path, name: str, signed_by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (signed_by[0].subject, signed_by[1]) if signed_by else (subject, key)
    today = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=2))
    made = made.add_extension(x509.BasicConstraints(ca=signed_by is None, path_length=None), critical=True)
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    certificate = made.sign(signer, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(private)
    (folder / f"{name}.key").chmod(0o644)  # the server runs as another user
    return certificate, key


def cipher(url: str) -> str:
    ((_, value),) = MySqlSession("s", place_of(url), {}).rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    return (value or b"").decode()


def test_what_the_server_offers_is_taken(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl, "create_default_context", None)  # what is not checked needs no authorities
    assert cipher(url)
    assert not cipher(f"{url}?ssl_disabled=true")


@pytest.mark.parametrize("identity", ["", "&ssl_verify_identity=true"])
def test_a_certificate_of_the_authority_is_accepted(url: str, keys: Path, identity: str) -> None:
    assert cipher(f"{url}?ssl_ca={keys / 'authority.pem'}{identity}")


def test_a_certificate_of_another_is_not(url: str, keys: Path) -> None:
    with pytest.raises(SourceAccessError, match="CERTIFICATE_VERIFY_FAILED"):
        cipher(f"{url}?ssl_ca={keys / 'other.pem'}")


def test_a_certificate_for_another_host_is_not(url: str, keys: Path) -> None:
    elsewhere = url.replace("127.0.0.1", "localhost")
    assert cipher(f"{elsewhere}?ssl_ca={keys / 'authority.pem'}")
    with pytest.raises(SourceAccessError, match="CERTIFICATE_VERIFY_FAILED"):
        cipher(f"{elsewhere}?ssl_ca={keys / 'authority.pem'}&ssl_verify_identity=true")


def test_without_tls_there_is_no_session_where_it_was_asked_for(keys: Path, tmp_path: Path) -> None:
    try:
        plain = start_mariadb(tmp_path)
        assert not cipher(plain)
        with pytest.raises(SourceAccessError, match="2026"):
            cipher(f"{plain}?ssl_ca={keys / 'authority.pem'}")
    finally:
        remove_mariadb(tmp_path)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("sslca=/x.pem", "'sslca'"),
        ("ssl_ca=/nowhere/ca.pem", "ssl_ca of the connection of s cannot be used"),
        ("ssl_verify_identity=true", "authority"),
        ("ssl_disabled=perhaps", "neither true nor false"),
    ],
)
def test_what_was_mistyped_is_said(options: str, problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        cipher(f"mysql://u:geheim@127.0.0.1:1/x?{options}")
