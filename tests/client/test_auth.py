"""Secrets as they are given: what is taken, what is refused, and that nothing of them is told."""

from __future__ import annotations

import os
from base64 import b64decode
from pathlib import Path

import pytest

from fhirconv.client.auth import (
    MAX_SECRET,
    Basic,
    Bearer,
    CredentialsError,
    check_protected,
    is_open_to_others,
    read_secret,
)

CANARY = "Kn4ry-0f-a-s3cret"


def test_a_bearer_token_goes_out_as_it_is() -> None:
    bearer = Bearer("abc.DEF-123_~+/=")
    assert bearer.header() == "Bearer abc.DEF-123_~+/="
    assert not bearer.renew(), "there is nobody to ask for another one"


def test_user_and_password_go_out_in_utf_8() -> None:
    basic = Basic.of_line("zoë:päss: word")
    name, encoded = basic.header().split(" ")
    assert name == "Basic"
    assert b64decode(encoded).decode() == "zoë:päss: word"
    assert not basic.renew()


@pytest.mark.parametrize("around", ["{}\nInjected: yes", "{} x", "{}\x00", "\x1b[31m{}", "{}é", "{}\r"])
def test_what_is_no_token_is_refused_unseen(around: str) -> None:
    with pytest.raises(CredentialsError, match="token") as caught:
        Bearer(around.format(CANARY))
    assert CANARY not in repr(caught.value)


@pytest.mark.parametrize(
    "line", [CANARY, f":{CANARY}", f"{CANARY}:", f"me:{CANARY}\nInjected: yes", f"me:{CANARY}\x07"]
)
def test_what_is_no_user_with_a_password_is_refused_unseen(line: str) -> None:
    with pytest.raises(CredentialsError, match="user:password") as caught:
        Basic.of_line(line)
    assert CANARY not in repr(caught.value)


def test_an_empty_secret_is_told_as_such() -> None:
    with pytest.raises(CredentialsError, match="is empty"):
        Bearer("")


@pytest.mark.parametrize("content", [b"%s", b"%s\n", b"%s\r\n", b"\xef\xbb\xbf%s\n"])
def test_a_file_holds_one_line(content: bytes, tmp_path: Path) -> None:
    """With or without an end, from an editor of any system."""
    (tmp_path / "token").write_bytes(content % CANARY.encode())
    assert Bearer(read_secret(tmp_path / "token")).header() == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"%s\n\n", "several lines"),
        (b"%s\nmore", "several lines"),
        (b"%s\tmore", "control characters"),
        (b"\xff\xfe%s", "not UTF-8"),
        (b"%s" * (MAX_SECRET // 8), "more than"),
    ],
)
def test_a_file_that_holds_something_else(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content.replace(b"%s", CANARY.encode()))
    with pytest.raises(CredentialsError, match=problem) as caught:
        Bearer(read_secret(tmp_path / "token"))
    assert CANARY not in repr(caught.value)
    assert caught.value.__context__ is None, "an exception below may hold what was read"


@pytest.mark.parametrize("name", [CANARY, CANARY * 100, f"{CANARY}\0"])
def test_a_secret_in_place_of_a_file_is_not_repeated(name: str, tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="never the secret itself") as caught:
        read_secret(tmp_path / name)
    assert CANARY not in repr(caught.value)
    assert caught.value.__context__ is None


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    """As a shell makes one for the output of a password manager."""
    reading, writing = os.pipe()
    try:
        os.write(writing, CANARY.encode())
        os.close(writing)
        assert read_secret(Path(f"/dev/fd/{reading}")) == CANARY
        assert not is_open_to_others(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)


@pytest.mark.parametrize(
    ("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o620, True)]
)
def test_files_that_others_can_read_are_known(mode: int, is_open: bool, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(CANARY)
    path.chmod(mode)
    assert is_open_to_others(path) == is_open


@pytest.mark.parametrize(
    "url",
    [
        "https://a.test",
        "HTTPS://a.test",
        "http://localhost:8080",
        "http://127.0.0.1",
        "http://127.1.2.3:1/",
        "http://[::1]/",
    ],
)
def test_where_credentials_may_go(url: str) -> None:
    check_protected(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.test",
        "http://127.0.0.1.a.test",
        "http://localhost.a.test",
        "http://a.test/127.0.0.1",
        "http://10.0.0.1",
        "http://[::]",
        "http://0.0.0.0",
    ],
)
def test_where_credentials_may_not_go(url: str) -> None:
    with pytest.raises(CredentialsError, match="https"):
        check_protected(url)


def test_by_way_of_a_proxy_nothing_is_local() -> None:
    with pytest.raises(CredentialsError, match="https"):
        check_protected("http://127.0.0.1", local=False)
    check_protected("https://127.0.0.1", local=False)
