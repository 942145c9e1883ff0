"""TLS: who cannot prove to be the server gets no request, and whoever may be asked for a certificate shows it."""

from __future__ import annotations

import re
import socket
import ssl
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_httpserver import HTTPServer

from fhirconv.client.auth import Bearer
from fhirconv.client.client import FhirClient
from fhirconv.client.errors import Unfit
from fhirconv.client.retry import RetryPolicy
from fhirconv.client.transport import Transport

HOST = "127.0.0.1"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[HTTPServer]:
    """A server that would take any request."""
    with HTTPServer(host=HOST, ssl_context=context) as server:
        server.expect_request(re.compile(".*")).respond_with_data("{}")
        yield server


def context_of(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def refused(server: HTTPServer, ca_file: Path | None, what: str) -> None:
    """The request is refused, the reason told, and neither the token nor a body went out."""
    base = f"https://{HOST}:{server.port}/fhir"
    with (
        closing(Transport(base, credentials=Bearer("Kn4ry"), ca_file=ca_file)) as transport,
        pytest.raises(Unfit, match=what) as caught,
    ):
        transport.exchange("POST", "", b"a patient")
    assert "Kn4ry" not in str(caught.value)
    assert server.log == []


def test_a_named_authority_is_trusted(authority: trustme.CA, ca_file: Path) -> None:
    """P26: --ca-file works."""
    with (
        serving(context_of(authority.issue_cert(HOST))) as server,
        closing(
            Transport(f"https://{HOST}:{server.port}/fhir", credentials=Bearer("Kn4ry"), ca_file=ca_file)
        ) as transport,
    ):
        assert transport.exchange("GET", "metadata").status == 200
        assert server.log[0][0].headers["Authorization"] == "Bearer Kn4ry"


def test_an_unknown_authority_is_not_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    """P26: neither by default, nor if another authority is named."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    with serving(context_of(authority.issue_cert(HOST))) as server:
        refused(server, None, "not trusted: unable to get local issuer certificate; name the authority")
        refused(server, other, "not trusted")


def test_the_environment_names_no_authority(
    authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P26: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE are not used; the options say so."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    monkeypatch.setenv("CURL_CA_BUNDLE", str(ca_file))
    with serving(context_of(authority.issue_cert(HOST))) as server:
        refused(server, None, "not trusted")


def test_the_keys_of_connections_are_written_nowhere(
    authority: trustme.CA, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """P29: with SSLKEYLOGFILE set, whoever reads the network and that file would have the token."""
    server_context = context_of(authority.issue_cert(HOST))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    with (
        serving(server_context) as server,
        closing(Transport(f"https://{HOST}:{server.port}/fhir", ca_file=ca_file)) as transport,
    ):
        assert transport.exchange("GET", "metadata").status == 200
    assert not (tmp_path / "keys").exists()


def test_an_expired_certificate(authority: trustme.CA, ca_file: Path) -> None:
    """P26"""
    expired = authority.issue_cert(HOST, not_before=YESTERDAY - timedelta(days=9), not_after=YESTERDAY)
    with serving(context_of(expired)) as server:
        refused(server, ca_file, "not trusted: certificate has expired")


@pytest.mark.parametrize("names", [{"another.test"}, {"127.0.0.2"}, {"127.0.0.1.another.test"}])
def test_a_certificate_of_another_host(names: set[str], authority: trustme.CA, ca_file: Path) -> None:
    """P26"""
    with serving(context_of(authority.issue_cert(*names))) as server:
        refused(server, ca_file, "not trusted.*mismatch")


def test_a_certificate_that_signs_itself(tmp_path: Path) -> None:
    """P26: refused, unless it is itself what is named as trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(YESTERDAY)
        .not_valid_after(YESTERDAY + timedelta(days=3))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    both = tmp_path / "server.pem"
    public = certificate.public_bytes(serialization.Encoding.PEM)
    both.write_bytes(
        public
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "public.pem").write_bytes(public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    with serving(context) as server:
        refused(server, None, "not trusted: self-signed certificate")
        base = f"https://{HOST}:{server.port}/fhir"
        with closing(Transport(base, ca_file=tmp_path / "public.pem")) as transport:
            assert transport.exchange("GET", "metadata").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_of_tls(version: ssl.TLSVersion, authority: trustme.CA, ca_file: Path) -> None:
    """P26"""
    context = context_of(authority.issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")  # or OpenSSL itself would not speak it
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    with serving(context) as server:
        refused(server, ca_file, "TLS 1.2 or later")


def test_the_old_version_is_what_is_refused(authority: trustme.CA, ca_file: Path) -> None:
    """P26: a client of low standards speaks with such a server, so that the test above means something."""
    context = context_of(authority.issue_cert(HOST))
    context.set_ciphers("ALL:@SECLEVEL=0")
    low = ssl.create_default_context(cafile=str(ca_file))
    low.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.maximum_version = ssl.TLSVersion.TLSv1
        context.minimum_version = low.minimum_version = ssl.TLSVersion.TLSv1
    with (
        serving(context) as server,
        socket.create_connection((HOST, server.port), 10) as plain,
        low.wrap_socket(plain, server_hostname=HOST) as made,
    ):
        assert made.version() == "TLSv1"


def test_a_revoked_certificate(authority: trustme.CA, ca_file: Path) -> None:
    """P26: the file of authorities may hold their lists of revoked certificates (CRL); nothing is asked of the network."""
    leaf = authority.issue_cert(HOST)
    number = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes()).serial_number
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    entry = x509.RevokedCertificateBuilder(number, YESTERDAY).build()
    for revoked, refuses in (([], False), ([entry], True)):
        crl = x509.CertificateRevocationListBuilder(
            issuer.subject, YESTERDAY, datetime.now(UTC) + timedelta(days=1), revoked_certificates=revoked
        ).sign(key, hashes.SHA256())
        ca_file.write_bytes(authority.cert_pem.bytes() + crl.public_bytes(serialization.Encoding.PEM))
        with serving(context_of(leaf)) as server:
            if refuses:
                refused(server, ca_file, "not trusted: certificate revoked")
            else:
                with closing(Transport(f"https://{HOST}:{server.port}", ca_file=ca_file)) as transport:
                    assert transport.exchange("GET", "metadata").status == 200


def test_a_server_that_speaks_no_tls() -> None:
    """P26: https is never followed by http."""
    with HTTPServer(host=HOST) as server:
        refused(server, None, "no TLS connection")


# -- our own certificate -------------------------------------------------------------------------------------------------


@pytest.fixture
def mutual(authority: trustme.CA) -> Iterator[HTTPServer]:
    """A server that wants a certificate of its clients."""
    context = context_of(authority.issue_cert(HOST))
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with serving(context) as server:
        yield server


def own_certificate(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    made = authority.issue_cert("client.test")
    made.private_key_pem.write_to_path(str(folder / "client.key"))
    made.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    return folder / "client.pem", folder / "client.key"


def test_a_client_certificate_is_shown(
    mutual: HTTPServer, authority: trustme.CA, ca_file: Path, tmp_path: Path
) -> None:
    certificate = own_certificate(authority, tmp_path)
    both = tmp_path / "both.pem"
    both.write_bytes(certificate[0].read_bytes() + certificate[1].read_bytes())
    for files in (certificate, (both, None)):
        base = f"https://{HOST}:{mutual.port}/fhir"
        with closing(Transport(base, ca_file=ca_file, client_certificate=files)) as transport:
            assert transport.exchange("GET", "metadata").status == 200


def test_without_a_client_certificate_the_server_refuses(mutual: HTTPServer, ca_file: Path) -> None:
    """With TLS 1.3 the refusal comes after the handshake: what a run asks first meets it."""
    base = f"https://{HOST}:{mutual.port}/fhir"
    with (
        FhirClient(base, ca_file=ca_file, retry=RetryPolicy(first_s=0.01)) as client,
        pytest.raises(Unfit, match="client certificate"),
    ):
        client.capability()
    assert mutual.log == []


def test_a_client_certificate_that_nobody_trusts(mutual: HTTPServer, ca_file: Path, tmp_path: Path) -> None:
    certificate = own_certificate(trustme.CA(), tmp_path)
    base = f"https://{HOST}:{mutual.port}/fhir"
    with (
        FhirClient(base, ca_file=ca_file, client_certificate=certificate, retry=RetryPolicy(first_s=0.01)) as client,
        pytest.raises(Unfit, match="certificate"),
    ):
        client.capability()
    assert mutual.log == []
