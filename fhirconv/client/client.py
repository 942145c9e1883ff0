"""FhirClient: what fhirconv asks of a FHIR server, each request repeated as far as that is harmless.

Spec: https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

from fhirconv.bundle import dump_json
from fhirconv.client.address import check_base
from fhirconv.client.answers import (
    EntryAnswer,
    entries,
    objects,
    read_resource,
    transaction_answer,
)
from fhirconv.client.capability import Capability, read_capability, read_descriptions
from fhirconv.client.errors import ServerError, Unfit, Unknown
from fhirconv.client.retry import POLICY, Outcome, Pause, RetryPolicy, carry_out
from fhirconv.client.transport import TIMEOUTS, Answer, Credentials, Timeouts, Transport, request_name
from fhirconv.client.verdicts import check_success, look_up, matches, only_reading

_JSON = "application/fhir+json"
_HEADERS = {"Accept": _JSON, "Content-Type": _JSON}
_BOUND = _HEADERS | {"Prefer": "return=minimal"}
_TRANSACTION = _BOUND | {
    "X-Retry-On-Version-Conflict": "retry; max-retries=10",  # where HAPI has that switched on, it need not say 409
}
_NOT_FROM_CACHE = _HEADERS | {"Cache-Control": "no-cache"}  # HAPI gives a search again for a minute
_NOT_KEPT = _HEADERS | {"Cache-Control": "no-cache, no-store"}  # nor does it note the search for later pages: half the time
_FORM = _NOT_FROM_CACHE | {"Content-Type": "application/x-www-form-urlencoded"}
LOOK_UPS = 100
"""Look-ups that go out in one batch."""


class FhirClient:
    """One FHIR R4 server. Threads may share it; it is to be closed, or used in a `with` statement.

    `base` is its base URL; `ca_file` (PEM) the authorities to trust in place of the system's; `client_certificate` the
    files of a certificate and of its key; `site` a folder whose servers.toml lies over ours; `tell` gets a
    word now and then about why there is a wait. Every method raises ServerError (errors.py says which kinds there are);
    the constructor ValueError for what cannot be a base URL, and CredentialsError for credentials that others could read
    on the way.
    """

    def __init__(
        self,
        base: str,
        *,
        credentials: Credentials | None = None,
        ca_file: Path | None = None,
        client_certificate: tuple[Path, Path | None] | None = None,
        timeouts: Timeouts = TIMEOUTS,
        retry: RetryPolicy = POLICY,
        proxies_from_environment: bool = False,
        site: Path | None = None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.base = check_base(base)
        self._transport = Transport(
            self.base,
            credentials=credentials,
            ca_file=ca_file,
            client_certificate=client_certificate,
            timeouts=timeouts,
            proxies_from_environment=proxies_from_environment,
        )
        self._policy, self._pause = retry, Pause(retry, tell)
        self._site = site
        self._capability: Capability | None = None
        self._asking = threading.Lock()

    def __enter__(self) -> FhirClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def stop(self) -> None:
        """Nothing is sent or sent again from now on; threads that wait to do so get NotSent, or what happened last."""
        self._pause.stop()

    @property
    def retries(self) -> int:
        """How many requests were sent again so far."""
        return self._pause.retries

    def capability(self) -> Capability:
        """What the server can do; asked once. Raises Unfit if no FHIR server answers at this address."""
        with self._asking:
            if self._capability is None:
                descriptions = read_descriptions(self._site)
                with only_reading():
                    answer = self._exchange("GET", "metadata", None, {"Accept": _JSON})
                try:
                    statement = read_resource(answer, "CapabilityStatement")
                except Unknown as error:
                    raise Unfit(f"{error}; is this the base URL of a FHIR server?") from None
                self._capability = read_capability(statement, descriptions)
            return self._capability

    def transaction(self, body: bytes, urls: Sequence[str], *, is_bound: bool = False) -> list[EntryAnswer]:
        """Carries out a Bundle of type transaction: all of it or nothing.

        `is_bound`: it has entries with ifMatch. Then a conflict (409) is the last word: the version is not that any more.

        `body` is its JSON, `urls` the request.url of each entry in order. It may be sent several times: that this changes
        nothing, the caller vouches for. Raises Unknown unless the answer tells the success of every entry.
        """
        if is_bound:
            policy = self._policy._replace(conflict_tries=1)
            return transaction_answer(self._exchange("POST", "", body, _BOUND, policy, changes=True), urls)
        return transaction_answer(self._exchange("POST", "", body, _TRANSACTION, changes=True), urls)

    def read_many(self, urls: Sequence[str]) -> list[dict[str, Any] | None]:
        """The resources at `urls` ('Type/id', or a search 'Type?...' with one match); None where there is none.

        The urls go out in batches, as content: no log of a proxy has them. Raises Refused (412) for a search with several
        matches. Numbers keep their digits.
        """
        found: list[dict[str, Any] | None] = []
        for start in range(0, len(urls), LOOK_UPS):
            found += self._look_up(urls[start : start + LOOK_UPS])
        return found

    def _look_up(self, urls: Sequence[str]) -> list[dict[str, Any] | None]:
        requests = [{"request": {"method": "GET", "url": url}} for url in urls]
        body = dump_json({"resourceType": "Bundle", "type": "batch", "entry": requests})
        with only_reading():
            answer = self._exchange("POST", "", body, _NOT_KEPT)
            found = entries(answer, "batch-response", len(urls), keep_digits=True)
            return [look_up(entry, url) for entry, url in zip(found, urls, strict=True)]

    def search(self, type_name: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """The resources that match, page after page. The parameters go out as content, not in an address."""
        found, following = self._page("POST", f"{type_name}/_search", urlencode(parameters).encode(), _FORM)
        seen = {""}
        while following not in seen:
            yield from found
            seen.add(following)
            found, following = self._page("GET", following, None, _NOT_FROM_CACHE)
        yield from found

    def _page(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[list[dict[str, Any]], str]:
        """The matches of a page of a search, and the address of the next one; '' if there is none."""
        with only_reading():
            bundle = read_resource(self._exchange(method, path, body, headers), "Bundle", keep_digits=True)
            links = [link.get("url") for link in objects(bundle.get("link")) if link.get("relation") == "next"]
            return matches(bundle), str(links[0]) if links else ""

    def validate(self, resource: dict[str, Any]) -> Answer:
        """What the server's $validate answers, whatever the status: HAPI says 400, others 412 or 422 where it finds errors."""
        return self._tried("POST", f"{resource.get('resourceType')}/$validate", dump_json(resource), _HEADERS).answer

    def _exchange(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        policy: RetryPolicy | None = None,
        changes: bool = False,
    ) -> Answer:
        """An answer with 2xx. Of a request that changes something any other is Unknown if a try before may have done so."""
        answer, is_doubtful, is_cut = self._tried(method, path, body, headers, policy)
        try:
            check_success(answer, request_name(method, self._transport.url_of(path)), path)
        except ServerError as error:
            if changes and is_doubtful and (is_cut or not isinstance(error, Unknown)):
                message = f"a try may have been carried out, and then: {error}"
                raise Unknown(message, 0 if is_cut else error.status, error.outcome) from None
            raise
        return answer

    def _tried(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], policy: RetryPolicy | None = None
    ) -> Outcome:
        return carry_out(
            policy or self._policy, self._pause, lambda: self._transport.exchange(method, path, body, headers)
        )
