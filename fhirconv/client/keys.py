"""The private key that signs client assertions: a PEM file, a JWK, or a JWK Set.

Spec: https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html, RFC 7517 (JWK), RFC 7638 (thumbprint).
Imported only for SMART Backend Services: it needs the extra `smart`.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, NamedTuple

from fhirconv.client.auth import CredentialsError, read_secret_file

try:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from jwt import PyJWK, PyJWTError
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm
except ImportError:
    raise CredentialsError(
        "SMART Backend Services needs PyJWT and cryptography: pip install 'fhirconv[smart]'"
    ) from None

_EXPECTED = (
    "expected is a private key, RSA of 2048 bits or more or EC on P-384, as PEM without a passphrase, JWK or JWK Set"
)
_RSA_BITS = 2048  # RFC 7518, 3.3


class SigningKey(NamedTuple):
    """A key and what the header of an assertion says of it; the repr of the key shows nothing of it."""

    algorithm: str
    key_id: str
    private: RSAPrivateKey | EllipticCurvePrivateKey


def read_signing_key(path: Path) -> SigningKey:
    """The key in a file; of a JWK Set the first private one for RS384 or ES384. Raises CredentialsError.

    The kid is that of the JWK; a key without one gets its thumbprint (RFC 7638), so register it under that.
    """
    content = read_secret_file(path)
    found = _of_json(content) if content.lstrip().startswith(b"{") else _of_pem(content)
    if isinstance(found, str):  # raised out here: the exceptions of the readers may hold the file
        raise CredentialsError(f"{found}; {_EXPECTED}")
    return found


def _of_pem(content: bytes) -> SigningKey | str:
    try:
        return _usable(load_pem_private_key(content, password=None), None, None)
    except TypeError:
        return "the key has a passphrase"
    except (ValueError, UnsupportedAlgorithm):
        return "the file holds no PEM of a private key"


def _of_json(content: bytes) -> SigningKey | str:
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        return "the file is not JSON"
    keys = data.get("keys", [data])
    found: SigningKey | str = "the file holds no private key"
    for key in keys if isinstance(keys, list) else ():
        if isinstance(key, dict) and "d" in key and key.get("use", "sig") == "sig":
            found = _of_jwk(key)
            if not isinstance(found, str):
                break
    return found


def _of_jwk(jwk: dict[str, Any]) -> SigningKey | str:
    try:
        return _usable(PyJWK(jwk).key, jwk.get("alg"), jwk.get("kid"))
    except (
        PyJWTError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
    ):  # whatever a malformed JWK makes the library say
        return "the JWK is malformed"


def _usable(key: object, stated: object, key_id: object) -> SigningKey | str:
    """The key with its algorithm, unless it is not one that SMART servers must take, or is stated to be for another."""
    if isinstance(key, RSAPrivateKey) and key.key_size >= _RSA_BITS:
        made = SigningKey("RS384", _kid(key_id, RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)), key)
    elif isinstance(key, EllipticCurvePrivateKey) and key.curve.name == "secp384r1":
        made = SigningKey("ES384", _kid(key_id, ECAlgorithm.to_jwk(key.public_key(), as_dict=True)), key)
    else:
        return "the key is of another kind or too short"
    return made if stated in (None, made.algorithm) else "the JWK is for another algorithm"


def _kid(key_id: object, public: dict[str, Any]) -> str:
    if isinstance(key_id, str) and key_id:
        return key_id
    members = {name: public[name] for name in sorted(public) if name in ("crv", "e", "kty", "n", "x", "y")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
