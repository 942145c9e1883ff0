"""What push, plan and validate --server ask of a user about a connection, and the FhirClient that they make of it.

No option takes a secret: the command line can be read by every process of the machine; options name files, and the
environment may hold a token or a password. There is no --insecure: whoever has a certificate of an authority of their own
names that authority (--ca-file).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import click

from fhirconv.cli import say

if TYPE_CHECKING:
    from fhirconv.client.client import FhirClient
    from fhirconv.client.transport import Credentials

TOKEN, BASIC = "FHIRCONV_TOKEN", "FHIRCONV_BASIC"
_DAY = 24 * 60 * 60

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Connection(NamedTuple):
    """The options as they were given."""

    server: str | None
    token_file: Path | None
    basic_file: Path | None
    smart_client_id: str | None
    smart_key: Path | None
    smart_token_url: str | None
    smart_scope: str | None
    ca_file: Path | None
    client_cert: Path | None
    client_key: Path | None
    proxy_from_env: bool
    timeout: int
    give_up_after: int


_NEEDS = {
    "smart_client_id": "smart_key",
    "smart_key": "smart_client_id",
    "smart_token_url": "smart_client_id",
    "smart_scope": "smart_client_id",
    "client_key": "client_cert",
}
"""Options that mean nothing without another."""

_FILE = click.Path(path_type=Path)  # without exists=True: click repeats a wrong path, and it may be a pasted secret
_OPTIONS = (
    click.option("--token-file", metavar="FILE", type=_FILE, help=f"File with a bearer token (or set {TOKEN})."),
    click.option("--basic-file", metavar="FILE", type=_FILE, help=f"File with user:password (or set {BASIC})."),
    click.option("--smart-client-id", metavar="ID", help="SMART Backend Services: the id of this client."),
    click.option("--smart-key", metavar="FILE", type=_FILE, help="SMART: its private key, PEM or JWK (Set)."),
    click.option("--smart-token-url", metavar="URL", help="SMART: the token URL, if the server does not name it."),
    click.option("--smart-scope", metavar="TEXT", help="SMART: the scope to ask for; system/*.cruds by default."),
    click.option(
        "--ca-file", metavar="FILE", type=_FILE, help="PEM file of the authorities to trust, in place of the usual."
    ),
    click.option(
        "--client-cert", metavar="FILE", type=_FILE, help="PEM file of the certificate that shows who we are."
    ),
    click.option("--client-key", metavar="FILE", type=_FILE, help="Its private key, if not in the same file."),
    click.option("--proxy-from-env", is_flag=True, help="Use the proxy that HTTPS_PROXY or HTTP_PROXY names."),
    click.option("--timeout", metavar="SECONDS", type=click.IntRange(1, _DAY), default=120, show_default=True, help="For one request."),
)


def connection_options(
    server_required: bool, server_help: str, give_up_after: int = 300
) -> Callable[[_Command], Callable[..., Any]]:
    """Gives a command these options, and them to it as one `connection`; `give_up_after` is a default.

    Where the server is required, the environment variable FHIRCONV_SERVER may name it; else only the option does, so that
    nothing is sent because a variable was set.
    """
    server = click.option(
        "--server",
        metavar="URL",
        required=server_required,
        envvar="FHIRCONV_SERVER" if server_required else None,
        help=server_help,
    )

    patience = click.option(
        "--give-up-after",
        metavar="SECONDS",
        type=click.IntRange(0, _DAY),
        default=give_up_after,
        show_default=True,
        help="For all tries of a request; 0 is one try.",
    )

    def decorated(command: _Command) -> Callable[..., Any]:
        @functools.wraps(command)
        def gathering(*arguments: Any, **options: Any) -> Any:
            connection = Connection(**{name: options.pop(name) for name in Connection._fields})
            return command(*arguments, connection=connection, **options)

        made: Callable[..., Any] = gathering
        for option in reversed((server, *_OPTIONS, patience)):
            made = option(made)
        return made

    return decorated


def client_of(connection: Connection, site: Path | None = None) -> FhirClient:
    """The client, to be closed by who asked for it; says what is unsafe. Raises click.UsageError for what cannot be.

    `site` is a folder of mappings that may describe servers.
    """
    from fhirconv.client.client import FhirClient
    from fhirconv.client.errors import Unfit
    from fhirconv.client.retry import RetryPolicy
    from fhirconv.client.transport import Timeouts

    if connection.server is None:
        raise click.UsageError("--server is missing: name the base URL of the FHIR server")
    _check_together(connection)
    _check_addresses(connection)
    _warn(connection)
    _leave_no_core_file()
    network: dict[str, Any] = {
        "ca_file": connection.ca_file,
        "client_certificate": (connection.client_cert, connection.client_key) if connection.client_cert else None,
        "timeouts": Timeouts(total_s=connection.timeout),
        "proxies_from_environment": connection.proxy_from_env,
    }
    retry = RetryPolicy(total_s=connection.give_up_after)
    try:
        credentials = _credentials(connection, network)
        return FhirClient(connection.server, credentials=credentials, retry=retry, site=site, tell=say, **network)
    except Unfit as error:  # nothing was sent yet: a file of certificates, or the address of a proxy
        raise click.UsageError(str(error)) from None


def check_no_server(connection: Connection) -> None:
    """Raises click.UsageError if a connection is described to a server that is not named."""
    for name in ("token_file", "basic_file", "ca_file", "client_cert", "proxy_from_env", *_NEEDS):
        if getattr(connection, name) not in (None, False):
            raise click.UsageError(
                f"{_option(name)} is given without --server; name the server, or leave {_option(name)} out"
            )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _sources(connection: Connection) -> list[str]:
    """Where credentials come from, as the user named it; one at most when _check_together is done."""
    names = ("token_file", "basic_file", "smart_client_id")
    given = [_option(name) for name in names if getattr(connection, name) is not None]
    return given + [name for name in (TOKEN, BASIC) if name in os.environ]


def _check_together(connection: Connection) -> None:
    for name, needed in _NEEDS.items():
        if getattr(connection, name) is not None and getattr(connection, needed) is None:
            raise click.UsageError(f"{_option(name)} is given without {_option(needed)}; give both, or neither")
    sources = _sources(connection)
    if len(sources) > 1:
        raise click.UsageError(f"{sources[0]} and {sources[1]} both give credentials; keep one of them")


def _check_addresses(connection: Connection) -> None:
    """The URLs, which are not shown: a password may stand in them."""
    from fhirconv.client.address import check_base
    from fhirconv.client.auth import CredentialsError, check_protected

    for name in ("server", "smart_token_url"):
        url = getattr(connection, name)
        if url is None:
            continue
        try:
            check_base(url)
            if _sources(connection):
                check_protected(url, local=not connection.proxy_from_env)
        except (ValueError, CredentialsError) as error:
            raise click.BadParameter(str(error), param_hint=_option(name)) from None


def _warn(connection: Connection) -> None:
    from fhirconv.client.auth import is_loopback, is_open_to_others

    address = urlsplit(str(connection.server))
    if address.scheme == "http" and not is_loopback(address.hostname or ""):
        say(f"warning: data of patients go to {address.hostname} unencrypted (http)")
    if str(connection.server).lower().startswith("https:"):
        unused = [name for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if name in os.environ]
        if unused:
            say(f"note: set and not used: {', '.join(unused)}; name the authorities to trust with --ca-file")
        used = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ]  # OpenSSL's own
        if used and not connection.ca_file:
            say(f"note: {' and '.join(used)} of the environment name the authorities to trust")
    for name in ("token_file", "basic_file", "smart_key", "client_key" if connection.client_key else "client_cert"):
        path = getattr(connection, name)
        if path and is_open_to_others(path):
            say(f"warning: {_option(name)}: others can read {path}; let only its owner: chmod 600")


def _leave_no_core_file() -> None:
    """If this process crashes, what is in its memory goes with it: secrets, and patients."""
    try:
        import resource
    except ImportError:  # there are none on Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _credentials(connection: Connection, network: dict[str, Any]) -> Credentials | None:
    from fhirconv.client.auth import Basic, Bearer, CredentialsError, read_secret

    sources = _sources(connection)
    secrets = {name: os.environ.pop(name) for name in (TOKEN, BASIC) if name in os.environ}  # children inherit none
    if not sources:
        return None
    try:
        if connection.smart_client_id is not None:
            return _backend_services(connection, network)
        file = connection.token_file or connection.basic_file
        line = read_secret(file) if file else secrets[sources[0]]
        return Bearer(line) if sources[0] in ("--token-file", TOKEN) else Basic.of_line(line)
    except CredentialsError as error:
        source = "--smart-key" if connection.smart_key else sources[0]
        raise click.BadParameter(str(error), param_hint=source) from None


def _backend_services(connection: Connection, network: dict[str, Any]) -> Credentials:
    from fhirconv.client.smart import SCOPE, BackendServices
    from fhirconv.client.transport import Transport

    assert connection.server is not None
    assert connection.smart_client_id is not None
    assert connection.smart_key is not None
    return BackendServices(
        connection.server,
        connection.smart_client_id,
        connection.smart_key,
        scope=connection.smart_scope or SCOPE,
        token_url=connection.smart_token_url or "",
        connect=functools.partial(Transport, credentials=None, **network),
    )
