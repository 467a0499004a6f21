"""JSON read strictly: exact decimals, no key twice; and what is wrong with a text that is no JSON, in words."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


def json_trouble(content: bytes, error: Exception) -> str:
    if not content.strip():
        return "the file is empty; expected JSON"
    if b"\x00" in content[:1024]:
        return "binary content; expected JSON in UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply; expected FHIR JSON"
    if isinstance(error, UnicodeDecodeError):
        latin = " (it may be Latin-1 or Windows-1252)" if error.object[error.start] >= 0xA0 else ""
        return f"not UTF-8 at byte {error.start}{latin}; expected JSON in UTF-8"
    start = content.lstrip()[:1]
    if start == b"<":
        return "XML or HTML; expected FHIR JSON"
    if start not in (b"{", b"[") and _TABLE.match(content[:4096].lstrip()):
        return "it looks like a table of text: name the file .csv or .tsv; expected FHIR JSON"
    is_cut = start in (b"{", b"[") and content.rstrip()[-1:] not in (b"}", b"]")
    cut = "; the text seems cut off at its end" if is_cut else ""
    return f"{error}{cut}; expected FHIR JSON"


_TABLE = re.compile(rb"[^\r\n{}<>]*(?:[,;\t|][^\r\n{}<>,;\t|]+){2}")
"""A first line with three names or more."""


class DuplicateKey(ValueError):
    """An object that names one key twice: which of the two was meant cannot be known."""


def parse_strictly(raw: bytes | memoryview) -> Any:
    """Parse JSON with exact decimals. Raises `DuplicateKey`, or `ValueError` for what is no JSON."""
    return _strict.decode(bytes(raw).decode("utf-8"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise DuplicateKey(f"the key {twice!r} stands twice in one object")
    return fields


def exact(text: str) -> Decimal | str:
    """A JSON number as the decimal it is; beyond every exponent, its text."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


_strict = json.JSONDecoder(parse_float=exact, parse_int=exact, parse_constant=str, object_pairs_hook=_object)


def key_twice(content: bytes) -> str:
    """What key stands twice in an object of the text, in words, or ""."""
    try:
        parse_strictly(content)
    except DuplicateKey as twice:
        return str(twice)
    except (ValueError, RecursionError):
        return ""
    return ""


_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
"""How an escape begins that may stand for a letter of a field's name."""


MOST_LOOKED_THROUGH = 4_096
"""Bytes of a resource that is looked through for a key that stands twice in any of its objects."""


def as_first_said(raw: bytes | msgspec.Raw) -> bytes | None:
    """The text with what stands twice in another order: the first of two keys last, so that whoever reads leniently
    sees that one; `None` where none stands twice. Of longer texts only one that has two types is looked through."""
    text = bytes(raw)
    if len(text) > MOST_LOOKED_THROUGH and text.count(b'"resourceType"') < 2:
        return None
    try:
        if _quotes(msgspec.json.encode(msgspec.json.decode(text))) == _quotes(text):
            return None
        parse_strictly(text)
    except DuplicateKey:
        return _in_pairs(json.loads(text, object_pairs_hook=_Pairs)).encode()
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    return None


def _quotes(text: bytes) -> int:
    """How many quotes stand around the strings of a text: fewer where a key was left out."""
    return text.count(b'"') - text.count(b'\\"')


class _Pairs:
    """An object with all its keys."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _in_pairs(value: Any) -> str:
    """JSON with the keys of each object from the last to the first."""
    if isinstance(value, _Pairs):
        fields = (f"{json.dumps(key)}: {_in_pairs(held)}" for key, held in reversed(value.pairs))
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_in_pairs, value)) + "]"
    return json.dumps(value)


class FewFields:
    """Parses a resource of which only a few top-level fields are ever read, for these alone.

    Strictness is kept: where one of them could stand twice, or be written in escapes, nothing is returned.
    """

    def __init__(self, fields: type) -> None:
        self._decoder: Any = msgspec.json.Decoder(fields)
        self._keys = tuple(f'"{name}"'.encode() for name in fields.__annotations__)

    def parse(self, raw: bytes | memoryview) -> dict[str, Any] | None:
        """The fields; `None` for a resource that must be parsed in full."""
        text = bytes(raw)
        if b"\\" in text and _ESCAPED_LETTER.search(text):
            return None
        for key in self._keys:
            if text.count(key) > 1:
                return None
        try:
            return self._decoder.decode(text)  # type: ignore[no-any-return]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None


LEAST_OF_ENTRY = len('{"fullUrl":"","resource":},')
"""What stands of an entry at least beside its address and its resource."""


def has_one_list(content: bytes, texts: list[bytes], taken: int) -> bool:
    """Whether a bundle has one list of entries, of which the resources and addresses have taken so many bytes.

    Of two the last was parsed. Beside it there is no room for another in nearly every bundle, and no need to look for
    it; or none for one that begins as it does, where what was parsed begins the first.
    """
    start = content.find(b'"entry"')
    room = len(content) - start - taken - LEAST_OF_ENTRY * len(texts)
    if room <= len('"entry":[]}"entry":[]'):
        return True
    if room < len(texts[0]):
        at = content.find(b'"resource"', start)
        if content.startswith(texts[0], content.find(b"{", at)) and content.find(b'"entry"', start + 1, at) < 0:
            return True
    return content.count(b'"entry"') == 1
