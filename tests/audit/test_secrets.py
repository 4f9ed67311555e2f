"""What looks like a secret, what does not, and that neither is ever kept."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.node import STRING, Node
from nucleus.audit.read.json_reader import read_json
from nucleus.audit.secrets import entropy, in_arguments, is_placeholder, promises_secret, scan
from nucleus.audit.text import Source

RANDOM = "k9Xw2LmQ7vB4nT8sR1yZ"


def found(text: str) -> list[str]:
    source = Source("x.json", text)
    return [text[secret.start : secret.end] for secret in scan(source, read_json(text).roots)]


@pytest.mark.parametrize(
    "value",
    [
        f"sk-ant-{RANDOM}",
        f"ghp_{RANDOM}{RANDOM}",
        f"github_pat_{RANDOM}",
        f"glpat-{RANDOM}",
        f"xoxb-123456789012-{RANDOM}",
        "AKIA" + "Q3EXJ2K7MNP4RT5V",
        f"sbp_{RANDOM}{RANDOM}",
        f"npm_{RANDOM}{RANDOM}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.{RANDOM}",
    ],
)
def test_known_shapes_are_found_under_any_name(value: str) -> None:
    assert found(f'{{"note": "{value}"}}') == [value]


def test_passwords_in_urls_and_headers_in_commands() -> None:
    assert found('{"a": "postgres://user:hunter2x9@db/x"}') == ["hunter2x9"]
    assert found(f'{{"a": "curl -H \'apikey: {RANDOM}\' x"}}') == [RANDOM]
    assert found(f'{{"Authorization": "Bearer {RANDOM}"}}') == [RANDOM]


@pytest.mark.parametrize(
    "text",
    [
        '{"API_KEY": "${API_KEY}"}',
        '{"API_KEY": "your-api-key"}',
        '{"API_KEY": "{env:API_KEY}"}',
        '{"API_KEY": "op://vault/item/key"}',
        '{"MAX_TOKENS": "4096000"}',
        '{"TOKEN_FILE": "/run/secrets/token"}',
        '{"GOOGLE_APPLICATION_CREDENTIALS": "./credentials.json"}',
        '{"AUTH_TOKEN": "not-needed"}',
        '{"url": "postgres://user:${PASSWORD}@db/x"}',
        '{"url": "https://user@host/x"}',
        '{"note": "sk-this-is-only-words-here"}',
    ],
)
def test_references_placeholders_and_settings_are_none(text: str) -> None:
    assert found(text) == []


def test_a_row_of_x_is_a_masked_secret_at_low_confidence() -> None:
    source = Source("x.json", '{"API_TOKEN": "XXXXXXXXXXXXXXXX"}')
    (secret,) = scan(source, read_json(source.text).roots)
    assert (secret.hidden, secret.confidence.name) == (True, "LOW")


@pytest.mark.parametrize(
    "name", ["API_KEY", "apiKey", "db.password", "GITHUB_TOKEN", "client-secret", "Authorization", "ODOO_PASSWORD"]
)
def test_names_that_promise_a_secret(name: str) -> None:
    assert promises_secret(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "TOKEN_LIMIT", "keyboard", "auth_url", "password_file", "monkey", "author", "tokenizer"]
)
def test_names_that_do_not(name: str) -> None:
    assert not promises_secret(name)


def test_options_of_a_command_line() -> None:
    source = Source("x", f'["--token", "{RANDOM}", "--api-key={RANDOM}", "--port", "8080", "PASSWORD={RANDOM}"]')
    words = read_json(source.text).roots[0].strings()
    assert [source.text[secret.start : secret.end] for secret in in_arguments(source, words)] == [RANDOM] * 3


def test_what_was_found_is_masked_in_its_source() -> None:
    source = Source("x.json", f'{{"API_KEY": "{RANDOM}"}}')
    scan(source, read_json(source.text).roots)
    assert RANDOM not in source.shown(0, len(source.text))


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=16, max_size=40))
def test_any_random_value_under_a_promising_name_is_found_or_a_placeholder(value: str) -> None:
    assert found(f'{{"SERVICE_API_KEY": "{value}"}}') == [value] or is_placeholder(value) or value.isdigit()


@given(st.text(max_size=60))
def test_any_text_is_scanned(text: str) -> None:
    source = Source("x", text)
    for secret in scan(source, (Node(STRING, text, 0, len(text)),)):
        assert 0 <= secret.start < secret.end <= len(text)


def test_entropy_is_zero_for_nothing_and_for_one_letter() -> None:
    assert (entropy(""), entropy("aaaa"), entropy("abcd")) == (0.0, 0.0, 2.0)
