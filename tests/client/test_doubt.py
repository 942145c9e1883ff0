"""A request that may have been carried out stays one, whatever is answered to the next try of it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fhirconv.client.auth import Basic, Bearer
from fhirconv.client.errors import NotSent, OutcomeIssue, Refused, ServerError, Unfit, Unknown
from tests.client.conftest import Peer, Stub
from tests.client.messages import BODY, CANARY, QUICK, URLS, answer, client_for, outcome, success

SAID = outcome({"severity": "error", "code": "invalid", "diagnostics": CANARY})


def cut(peer: Peer) -> None:
    """The request is there, and no answer comes."""
    peer.take()
    peer.reset()


def then(stub: Stub, *answers: bytes) -> None:
    """The first try is cut; these are the answers to those that follow."""
    stub.answers(*answers)
    stub.plays.insert(0, cut)


def failure(stub: Stub, **options: object) -> ServerError:
    with client_for(stub.base, QUICK._replace(total_s=2), **options) as client:
        with pytest.raises(ServerError) as caught:
            client.transaction(BODY, URLS)
        assert client.retries >= 1
    assert CANARY not in str(caught.value)
    return caught.value


NO = {
    "400": (answer("400 No", SAID), Refused),
    "401": (answer("401 No"), Unfit),
    "403": (answer("403 No"), Unfit),
    "404 of the base": (answer("404 No"), Unfit),
    "404 of a condition": (answer("404 No", SAID), Refused),
    "409": (answer("409 No"), Refused),
    "410": (answer("410 No"), Unfit),
    "412": (answer("412 No"), Refused),
    "413": (answer("413 No"), Refused),
    "422": (answer("422 No", SAID), Refused),
    "429": (answer("429 No", b"", "Retry-After: 100"), NotSent),
    "501": (answer("501 No"), Refused),
    "redirect": (answer("307 There", b"", "Location: http://127.0.0.1:9/"), Unfit),
}


@pytest.mark.parametrize("name", NO)
def test_a_no_after_a_cut_does_not_tell_what_became_of_it(stub: Stub, name: str) -> None:
    """P03 P04 P12 P13: the first try may have been carried out; a no to the first try is what it was before."""
    said, kind = NO[name]
    then(stub, said)
    error = failure(stub)
    assert type(error) is Unknown
    assert "a try may have been carried out, and then: " in str(error)
    stub.answers(said)
    with client_for(stub.base, QUICK._replace(total_s=0)) as client, pytest.raises(kind):
        client.transaction(BODY, URLS)


@pytest.mark.parametrize("status", [408, 500, 502, 504])
def test_a_no_after_a_failure_does_not_either(stub: Stub, status: int) -> None:
    """P06 P10: a 5xx may come after the commit."""
    stub.answers(answer(f"{status} Oops"), answer("400 No", SAID))
    assert type(failure(stub)) is Unknown


@pytest.mark.parametrize("status", [429, 503])
def test_a_no_after_a_pause_is_a_no(stub: Stub, status: int) -> None:
    """P07: what the server did not take, it did not carry out."""
    stub.answers(answer(f"{status} Busy", b"", "Retry-After: 0"), answer("400 No", SAID))
    error = failure(stub)
    assert type(error) is Refused
    assert error.outcome == (OutcomeIssue("error", "invalid", CANARY),)


def test_nobody_listens_after_a_cut(stub: Stub) -> None:
    """P01 P04: refused connections do not make the first try undone."""

    def last(peer: Peer) -> None:
        stub.close_door()
        cut(peer)

    stub.plays = [last]
    error = failure(stub)
    assert type(error) is Unknown
    assert "Connection refused" in str(error)


class Ending:
    """Credentials that are good for one request."""

    def __init__(self, error: ServerError) -> None:
        self._error, self._is_over = error, False

    def header(self) -> str:
        if self._is_over:
            raise self._error
        self._is_over = True
        return "Bearer one-1234"

    def renew(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [NotSent, Unfit, Refused])
def test_credentials_that_end_after_a_cut(stub: Stub, kind: type[ServerError]) -> None:
    """P12 P13: no token for the second try says nothing about the first."""
    then(stub, success())
    with (
        client_for(stub.base, QUICK._replace(total_s=1), credentials=Ending(kind("no token"))) as client,
        pytest.raises(Unknown),
    ):
        client.transaction(BODY, URLS)
    assert len(stub.asked) == 1


def test_an_end_while_it_waits_after_a_cut(stub: Stub) -> None:
    """P33: stop() in a pause between two tries: the first one may have been carried out."""
    with client_for(stub.base, QUICK._replace(first_s=60, most_s=60)) as client:

        def last(peer: Peer) -> None:
            client.stop()
            cut(peer)

        stub.plays = [last]
        with pytest.raises(Unknown):
            client.transaction(BODY, URLS)


def test_a_success_after_a_cut_is_a_success(stub: Stub) -> None:
    """P04: it was sent again, and that is proved."""
    then(stub, success())
    with client_for(stub.base) as client:
        assert len(client.transaction(BODY, URLS)) == 2
        assert client.retries == 1


def test_a_look_up_that_was_cut_has_changed_nothing(stub: Stub) -> None:
    """P05: what only reads is never in doubt."""
    then(stub, answer("400 No"))
    with client_for(stub.base) as client, pytest.raises(Refused):
        client.read_many(URLS)


ESCAPES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: json.dumps(text)[1:-1],
    "slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "all": lambda text: "".join(f"\\u{ord(one):04x}" for one in text),
    "capital digits": lambda text: "".join(f"\\u{ord(one):04X}" for one in text),
}


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize(
    ("credentials", "secret"),
    [(Bearer("tok/1234=="), "tok/1234=="), (Basic("me", 'pa"ss\\wö/rd'), 'pa"ss\\wö/rd')],
    ids=["bearer", "basic"],
)
def test_a_server_that_repeats_a_secret(stub: Stub, name: str, credentials: Bearer | Basic, secret: str) -> None:
    r"""P29: in whatever way JSON can write it: \", \/ and \u003d are read before it is looked for."""
    issue = f'{{"severity":"error","code":"invalid","diagnostics":"<{ESCAPES[name](secret)}> is bad"}}'
    stub.answers(answer("400 No", f'{{"resourceType":"OperationOutcome","issue":[{issue}]}}'.encode()))
    with client_for(stub.base, credentials=credentials) as client, pytest.raises(Refused) as caught:
        client.transaction(BODY, URLS)
    assert caught.value.outcome == (OutcomeIssue("error", "invalid", "<[…]> is bad"),)
