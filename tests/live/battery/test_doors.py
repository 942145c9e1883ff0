"""Who is let in, and where there is no door: P12 to P14."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..faults import Answer, Exchange, Proxy, fhir
from ..oracle import Push
from ..scripts import instead, issue, on_transactions, outcome, side_by_side

SOON = ("--timeout", "10", "--give-up-after", "3")


def test_a_token_that_ends_in_mid_run(push: Callable[..., Push], proxy: Proxy, tmp_path: Path) -> None:
    """P12 P29: a 401 that no renewal can mend stops the run at once; with a new token it goes on."""
    one = push(6)
    secret = tmp_path / "secret"
    secret.write_text("tok3n-canary-old\n")
    secret.chmod(0o600)

    def script(exchange: Exchange) -> None:
        is_over = exchange.headers["Authorization"] == "Bearer tok3n-canary-old" and exchange.record >= 2
        (outcome(401, issue("token tok3n-canary-old expired")) if is_over else Exchange.pass_on)(exchange)

    proxy.script = script
    done = one.run(proxy.url, "--token-file", secret)
    assert done.code == 4
    assert done.records["done"] == 2
    assert "401" in done.err
    assert [exchange.attempt for exchange in proxy.transactions] == [1, 1, 1]
    secret.write_text("tok3n-canary-new\n")
    one.settle(proxy.url, "--token-file", secret)
    one.check_canaries("tok3n-canary-old", "tok3n-canary-new")


def test_credentials_that_may_not(push: Callable[..., Push], proxy: Proxy) -> None:
    """P13: 403 stops the run; nobody tries without credentials, nobody tries again."""
    one = push(4)
    proxy.script = on_transactions(outcome(403, issue("no", code="forbidden")))
    done = one.run(proxy.url, FHIRCONV_TOKEN="tok3n-canary-403")
    assert done.code == 4
    assert done.records["done"] == 0
    assert len(proxy.transactions) == 1
    assert {exchange.headers["Authorization"] for exchange in proxy.transactions} == {"Bearer tok3n-canary-403"}
    proxy.heal()
    one.settle(proxy.url, FHIRCONV_TOKEN="tok3n-canary-403")
    one.check_canaries("tok3n-canary-403")


STATEMENT = {"resourceType": "CapabilityStatement", "status": "active", "fhirVersion": "5.0.0"}
NO_SERVERS = {
    "404": Answer(404, b"not here"),
    "405": Answer(405, b"not so"),
    "410": Answer(410, b"gone"),
    "page": Answer(200, b"<html>welcome</html>", (("Content-Type", "text/html"),)),
    "r5": fhir(200, STATEMENT),
    "no-transactions": fhir(200, {**STATEMENT, "fhirVersion": "4.0.1", "rest": [{"mode": "server"}]}),
}


def test_no_server_that_can_take_it(push: Callable[..., Push], hapi_url: str) -> None:
    """P14: what is asked for first has nothing of a patient, and nothing follows."""

    def no_server(name: str) -> None:
        one = push()
        with Proxy(hapi_url) as proxy:
            proxy.script = instead(NO_SERVERS[name])
            done = one.run(proxy.url, *SOON)
            assert done.code == 4
            assert "nothing was sent" in done.err
            assert [(exchange.method, exchange.body) for exchange in proxy.seen] == [("GET", b"")]
            if name == "404":
                proxy.heal()
                assert one.settle(proxy.url).resources == {"created": one.planned}

    side_by_side(no_server, NO_SERVERS)
