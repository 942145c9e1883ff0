"""The options of a connection: what goes together, what is refused before anything is sent, and what reaches the server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import trustme
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from fhirconv.cli import main
from fhirconv.cli.connection import Connection, check_no_server, client_of, connection_options
from fhirconv.client.errors import ServerError
from fhirconv.client.retry import RetryPolicy
from fhirconv.client.transport import Timeouts

from .authority import CLIENT, Authority, key_file, pem

CANARY = "Kn4ry-s3cret"
ELSEWHERE = "http://fhir.example.org"
STATEMENT = {
    "resourceType": "CapabilityStatement",
    "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "interaction": [{"code": "transaction"}]}],
}


@click.command()
@connection_options(server_required=True, server_help="The server.")
@click.option("--only-make", is_flag=True)
def command(connection: Connection, only_make: bool) -> None:
    """Asks the server what it can do."""
    with client_of(connection) as client:
        if not only_make:
            try:
                client.capability()
            except ServerError as error:
                raise click.ClickException(str(error)) from None
    click.echo("done")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if (
            name.startswith("FHIRCONV_")
            or name.lower().endswith("_proxy")
            or "_CA_BUNDLE" in name
            or "SSL_CERT" in name
        ):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def started() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as made:
        yield made


@pytest.fixture
def server(started: HTTPServer) -> HTTPServer:
    started.clear()
    started.expect_request("/fhir/metadata").respond_with_json(STATEMENT)
    return started


def run(*arguments: object) -> Result:
    done = CliRunner().invoke(command, [str(one) for one in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert CANARY not in done.output
    return done


def asked(server: HTTPServer, *arguments: object) -> str | None:
    """The Authorization that reached the server."""
    done = run("--server", server.url_for("/fhir"), *arguments)
    assert done.output.endswith("done\n"), done.output
    return server.log[-1][0].headers.get("Authorization")


def refused(*arguments: object) -> str:
    """What the command says of options that it does not take; its code is that of wrong usage."""
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert "done" not in done.output
    return done.output


def secret(folder: Path, line: str = CANARY) -> Path:
    path = folder / "secret"
    path.write_text(line + "\n")
    path.chmod(0o600)
    return path


# -- what reaches the server ---------------------------------------------------------------------------------------------


def test_without_credentials(server: HTTPServer) -> None:
    assert asked(server) is None


def test_a_token(server: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(server, "--token-file", secret(tmp_path)) == f"Bearer {CANARY}"
    monkeypatch.setenv("FHIRCONV_TOKEN", CANARY)
    assert asked(server) == f"Bearer {CANARY}"


def test_a_user_and_a_password(server: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = "Basic " + b64encode(f"me:{CANARY}".encode()).decode()
    assert asked(server, "--basic-file", secret(tmp_path, f"me:{CANARY}")) == expected
    monkeypatch.setenv("FHIRCONV_BASIC", f"me:{CANARY}")
    assert asked(server) == expected


def test_smart(started: HTTPServer, tmp_path: Path) -> None:
    started.clear()
    authority = Authority(started)
    options = ["--server", authority.base, "--smart-client-id", CLIENT, "--smart-key", key_file(tmp_path)]
    run(*options)
    assert authority.forms[0]["scope"] == "system/*.cruds"
    assert authority.seen == [f"Bearer {authority.issued[0]}"]
    run(*options, "--smart-token-url", authority.token_url, "--smart-scope", "system/Patient.c")
    assert authority.forms[1]["scope"] == "system/Patient.c"
    assert authority.seen[1:] == [f"Bearer {authority.issued[1]}"]


def test_the_environment_may_name_the_server(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FHIRCONV_SERVER", server.url_for("/fhir"))
    assert run().output == "done\n"
    assert len(server.log) == 1


def test_where_a_server_is_not_asked_for_a_variable_names_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """validate sends to whom the command line names, not because a variable is set."""
    seen: list[Connection] = []

    @click.command()
    @connection_options(server_required=False, server_help="The server.")
    def optional(connection: Connection) -> None:
        seen.append(connection)

    monkeypatch.setenv("FHIRCONV_SERVER", "http://127.0.0.1:9")
    CliRunner().invoke(optional, [])
    assert seen[0].server is None
    with pytest.raises(click.UsageError, match="--server"):
        client_of(seen[0])


def test_the_times_are_those_of_the_library() -> None:
    defaults = {option.name: option.default for option in command.params}
    assert defaults["timeout"] == Timeouts().total_s
    assert defaults["give_up_after"] == RetryPolicy().total_s


def test_a_request_may_take_so_long(started: HTTPServer) -> None:
    started.clear()
    over = threading.Event()

    def slow(request: Request) -> Response:
        over.wait(30)
        return Response(b"")

    started.expect_request("/fhir/metadata").respond_with_handler(slow)
    done = run("--server", started.url_for("/fhir"), "--timeout", 1, "--give-up-after", 1)
    over.set()
    assert "within 1 s" in done.output


def test_a_proxy_of_the_environment_is_used_if_asked_for(server: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """P27"""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert asked(server) is None
    done = run("--server", ELSEWHERE, "--proxy-from-env", "--give-up-after", 1)
    assert done.exit_code == 1
    assert "no connection" in done.output


# -- what does not go together -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (["--token-file", "t", "--basic-file", "b"], [], ["--token-file", "--basic-file"]),
        (
            ["--token-file", "t", "--smart-client-id", "i", "--smart-key", "k"],
            [],
            ["--token-file", "--smart-client-id"],
        ),
        (["--token-file", "t"], ["FHIRCONV_TOKEN"], ["--token-file", "FHIRCONV_TOKEN"]),
        (["--basic-file", "b"], ["FHIRCONV_TOKEN"], ["--basic-file", "FHIRCONV_TOKEN"]),
        ([], ["FHIRCONV_TOKEN", "FHIRCONV_BASIC"], ["FHIRCONV_TOKEN", "FHIRCONV_BASIC"]),
        (["--smart-key", "k"], [], ["--smart-key", "--smart-client-id"]),
        (["--smart-client-id", "i"], [], ["--smart-client-id", "--smart-key"]),
        (["--smart-token-url", "https://a.test"], [], ["--smart-token-url", "--smart-client-id"]),
        (["--smart-scope", "system/*.c"], [], ["--smart-scope", "--smart-client-id"]),
        (["--client-key", "k"], [], ["--client-key", "--client-cert"]),
    ],
)
def test_what_does_not_go_together_is_named(
    arguments: list[str], variables: list[str], named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in variables:
        monkeypatch.setenv(name, CANARY)
    said = refused("--server", "https://a.test", *arguments)
    assert all(name in said for name in named)


@pytest.mark.parametrize(
    "name", [name for name in Connection._fields if name not in ("server", "timeout", "give_up_after")]
)
def test_a_connection_to_no_server(name: str) -> None:
    empty = Connection(None, *[None] * 9, proxy_from_env=False, timeout=120, give_up_after=300)
    check_no_server(empty)
    with pytest.raises(click.UsageError, match=f"--{name.replace('_', '-')}.*--server"):
        check_no_server(empty._replace(**{name: True if name == "proxy_from_env" else "x"}))


# -- addresses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        f"http://me:{CANARY}@127.0.0.1/fhir",
        f"http://{CANARY}@127.0.0.1/fhir",
        f"https://127.0.0.1/fhir?token={CANARY}",
        f"https://127.0.0.1/fhir#{CANARY}",
        f"ftp://me:{CANARY}@127.0.0.1",
        f"http://[{CANARY}",
        CANARY,
        "",
    ],
)
@pytest.mark.parametrize("option", ["--server", "--smart-token-url"])
def test_addresses_with_secrets_are_refused_unseen(url: str, option: str, tmp_path: Path) -> None:
    """P27: credentials in the URL."""
    smart = ["--smart-client-id", CLIENT, "--smart-key", key_file(tmp_path)]
    usual = [] if option == "--server" else ["--server", "https://a.test"]
    assert option in refused(*usual, option, url, *smart)


def test_credentials_do_not_go_over_http_to_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused("--server", ELSEWHERE, "--token-file", secret(tmp_path))
    assert re.search(r"https.*loopback", said)
    smart = ["--smart-client-id", CLIENT, "--smart-key", key_file(tmp_path)]
    assert "--server" in refused("--server", ELSEWHERE, *smart)
    assert "--smart-token-url" in refused("--server", "https://a.test", "--smart-token-url", ELSEWHERE, *smart)
    said = run("--server", ELSEWHERE, "--only-make").output  # without credentials, it is for the user to say
    assert said == "warning: data of patients go to fhir.example.org unencrypted (http)\ndone\n"
    monkeypatch.setenv("FHIRCONV_BASIC", f"me:{CANARY}")
    assert "https" in refused("--server", ELSEWHERE)


def test_credentials_do_not_go_over_http_to_a_proxy(tmp_path: Path) -> None:
    said = refused("--server", "http://127.0.0.1:9/fhir", "--proxy-from-env", "--token-file", secret(tmp_path))
    assert "https" in said


# -- files ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--token-file", "--basic-file", "--smart-key"])
def test_a_secret_in_place_of_its_file_is_not_repeated(option: str) -> None:
    """P29: users paste the wrong thing; what they pasted does not go on into a log."""
    smart = ["--smart-client-id", CLIENT] if option == "--smart-key" else []
    assert "never the secret itself" in refused("--server", "https://a.test", option, f"me:{CANARY}", *smart)


@pytest.mark.parametrize("content", ["", f"{CANARY}\nmore", f"{CANARY}\x1b[2J"])
@pytest.mark.parametrize("option", ["--token-file", "--basic-file"])
def test_files_that_hold_no_secret(option: str, content: str, tmp_path: Path) -> None:
    assert option in refused("--server", "https://a.test", option, secret(tmp_path, content))


@pytest.mark.parametrize("value", ["", f"{CANARY}\n", f"{CANARY} more"])
def test_variables_that_hold_no_secret(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one too: somebody meant to set it, and must not be anonymous now."""
    monkeypatch.setenv("FHIRCONV_TOKEN", value)
    assert "FHIRCONV_TOKEN" in refused("--server", "https://a.test")


def test_an_empty_client_id_does_not_make_anonymous(tmp_path: Path) -> None:
    assert "empty" in refused("--server", "https://a.test", "--smart-client-id", "", "--smart-key", key_file(tmp_path))


def test_files_that_others_can_read_are_told(server: HTTPServer, tmp_path: Path) -> None:
    path = secret(tmp_path)
    usual = ["--server", server.url_for("/fhir"), "--token-file", path]
    assert run(*usual).output == "done\n"
    path.chmod(0o644)
    said = run(*usual).output
    assert re.search("warning: --token-file: others can read .*chmod 600", said)
    assert said.endswith("done\n")


@pytest.mark.parametrize("content", [None, b"", b"words", pem()])
def test_a_file_of_no_authorities(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    assert "trusted certificates" in refused("--server", "https://a.test", "--ca-file", path)


def test_a_client_certificate_of_no_use(tmp_path: Path) -> None:
    """Wrong, of another key, or with a passphrase, which nobody is asked for."""
    authority = trustme.CA()
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    authority.issue_cert("a.test").cert_chain_pems[0].write_to_path(str(certificate))
    locked = pem(encryption=serialization.BestAvailableEncryption(CANARY.encode()))
    for content in (b"", pem(), locked):
        key.write_bytes(content)
        key.chmod(0o600)
        said = refused("--server", "https://a.test", "--client-cert", certificate, "--client-key", key)
        assert "client certificate" in said
    key.unlink()
    refused("--server", "https://a.test", "--client-cert", certificate, "--client-key", key)


# -- the environment, the command line, the process ----------------------------------------------------------------------


def test_variables_that_name_authorities_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """P26: what is not used although others use it, and what OpenSSL uses; once, and only where it matters."""
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    usual = ["--only-make", "--server", "https://a.test"]
    assert run(*usual).output == "done\n"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file")
    assert "not used: REQUESTS_CA_BUNDLE;" in run(*usual).output
    monkeypatch.setenv("CURL_CA_BUNDLE", "/no/such/file")
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    said = run(*usual).output.splitlines()
    assert len(said) == 3
    assert re.search("not used: REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE;.*--ca-file", said[0])
    assert "SSL_CERT_FILE of the environment" in said[1]
    assert "SSL_CERT_FILE" not in run(*usual, "--ca-file", ca_file).output
    assert run("--only-make", "--server", "http://127.0.0.1").output == "done\n"


def test_no_option_takes_a_secret_or_switches_checks_off() -> None:
    """P26, P29: the command line is for all to read; an authority is named, not ignored."""
    for option in command.params:
        names = " ".join(option.opts)
        assert not re.search("insecure|verify|trust", names)
        if re.search("token|basic|key|cert|secret|password", names):
            assert isinstance(option.type, click.Path) or option.name == "smart_token_url", names


def test_the_words_of_the_library_load_nothing_of_the_network() -> None:
    """The help of commands and their options is there at once."""
    heavy = ("urllib3", "requests", "jwt", "cryptography", "ssl")
    code = f"import sys, fhirconv.cli.connection; sys.exit(', '.join(name for name in {heavy} if name in sys.modules) or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_children_inherit_no_secret_and_a_crash_leaves_none(tmp_path: Path) -> None:
    """P29: in the environment of processes that are started later; in a core file."""
    code = """
import resource, subprocess
from fhirconv.cli.connection import Connection, client_of
client_of(Connection("http://127.0.0.1:9", *[None] * 9, False, 1, 1)).close()
print(subprocess.run(["env"], capture_output=True, text=True).stdout)
print("core", resource.getrlimit(resource.RLIMIT_CORE)[0])
"""
    environment = {**os.environ, "FHIRCONV_TOKEN": CANARY, "STAYS": "yes"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert CANARY not in done.stdout + done.stderr
    assert "STAYS=yes" in done.stdout
    assert "core 0" in done.stdout


@pytest.mark.parametrize("name", ["push", "validate"])
def test_a_secret_on_the_command_line_is_not_taken_and_not_repeated(name: str, tmp_path: Path) -> None:
    """P29: nor is it taken for a beginning of --token-file."""
    (tmp_path / "case.yaml").write_text("case: {id: c}\n")
    for arguments in (["--token", CANARY], [f"--token={CANARY}"], [f"--password={CANARY}"]):
        done = CliRunner().invoke(
            main, [name, str(tmp_path / "case.yaml"), "--server", "http://127.0.0.1:9", *arguments]
        )
        assert done.exit_code == 2
        assert CANARY not in done.output


# -- validate ------------------------------------------------------------------------------------------------------------


def test_validate_takes_the_same_options(started: HTTPServer, tmp_path: Path) -> None:
    """$validate of a server that wants to know who asks."""
    started.clear()
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "business-rule"}]}
    started.expect_request(
        "/fhir/Patient/$validate", method="POST", headers={"Authorization": f"Bearer {CANARY}"}
    ).respond_with_json(outcome)
    (tmp_path / "a.ndjson").write_text('{"resourceType": "Patient", "gender": "female"}\n' * 2)
    arguments = ["validate", str(tmp_path / "a.ndjson"), "--server", started.url_for("/fhir")]
    done = CliRunner().invoke(main, [*arguments, "--token-file", str(secret(tmp_path))])
    assert done.exit_code == 0, done.output
    assert done.output.count("[server]") == 2
    assert CliRunner().invoke(main, arguments).exit_code == 4, "without the token it refuses"
    done = CliRunner().invoke(main, [*arguments[:2], "--token-file", str(tmp_path / "secret")])
    assert done.exit_code == 2, "a token for nobody"
    done = CliRunner().invoke(main, [*arguments[:3], f"ftp://me:{CANARY}@127.0.0.1"])
    assert done.exit_code == 2
    assert CANARY not in done.output
