"""What a Proxy does with the requests that come in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .faults import PATIENCE_S, Answer, Exchange, Proxy, Script, fhir
from .oracle import Push


def on_transactions(script: Script) -> Script:
    """The script for transactions alone."""
    return lambda one: script(one) if one.record >= 0 else one.pass_on()


def once(*scripts: Script | None) -> Script:
    """For the first attempt of each transaction the script at its place; None, and all else, is passed on."""

    def chosen(one: Exchange) -> None:
        script = scripts[one.record] if one.attempt == 1 and one.record < len(scripts) else None
        (script or Exchange.pass_on)(one)

    return on_transactions(chosen)


def instead(answer: Answer) -> Script:
    """Nothing reaches the server."""
    return lambda one: one.send(answer)


def turned(change: Callable[[bytes], bytes]) -> Script:
    """The server did it, and its answer is changed on the way."""

    def script(one: Exchange) -> None:
        answer = one.forward()
        one.send(answer._replace(body=change(answer.body)))

    return script


def then(answer: Callable[[Exchange, Answer], None]) -> Script:
    """The server did it, and this makes its answer into what goes out."""
    return lambda one: answer(one, one.forward())


def says(status: int, *headers: tuple[str, str], is_late: bool = False) -> Script:
    """A script that answers with a status and nothing of FHIR; `is_late`: after the server did what was asked."""

    def script(one: Exchange) -> None:
        if is_late:
            one.forward()
        one.send(Answer(status, b"busy", (("Content-Type", "text/plain"), *headers)))

    return script


def outcome(status: int, *issues: dict[str, Any]) -> Script:
    """A script that refuses with an OperationOutcome."""
    return lambda one: one.send(fhir(status, {"resourceType": "OperationOutcome", "issue": list(issues)}))


def issue(diagnostics: str, **more: Any) -> dict[str, Any]:
    return {"severity": "error", "code": "processing", "diagnostics": diagnostics, **more}


class Gate:
    """A script that holds the transaction of one record; `is_late`: with the server's answer, else before it gets there."""

    def __init__(self, record: int, is_late: bool = False) -> None:
        self._record, self._is_late = record, is_late
        self.reached, self._decided = threading.Event(), threading.Event()
        self._is_open = False

    def __call__(self, one: Exchange) -> None:
        if one.record != self._record or self._decided.is_set():
            return one.pass_on()
        answer = one.forward() if self._is_late else None
        self.reached.set()
        self._decided.wait(PATIENCE_S)
        return one.send(answer or one.forward()) if self._is_open else one.close()

    def wait(self) -> None:
        """Until the transaction is there."""
        assert self.reached.wait(PATIENCE_S)

    def open(self) -> None:
        """Lets it through."""
        self._is_open = True
        self._decided.set()

    def drop(self) -> None:
        """Ends its connection."""
        self._decided.set()


def killed_at(one: Push, proxy: Proxy, record: int, is_late: bool = False) -> None:
    """A push that SIGKILL ended while this record was on its way."""
    gate = proxy.script = Gate(record, is_late)
    process = one.start(proxy.url)
    gate.wait()
    process.kill()
    one.ended(process)
    gate.drop()


def side_by_side(scenario: Callable[[str], None], names: Iterable[str]) -> None:
    """Goes through a scenario for each name, all at once: most of the time they wait."""
    with ThreadPoolExecutor(8) as pool:
        running = {name: pool.submit(scenario, name) for name in names}
    for name, future in running.items():
        fault = future.exception()
        if fault is not None:
            fault.add_note(f"in the scenario {name!r}")
            raise fault
