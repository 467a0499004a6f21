"""Patterns of those words that stand in a text find what the patterns of all words find."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from her2path.facts.codes import read_codes
from her2path.facts.words import alternatives, names, texts
from her2path.facts.words.alternatives import Alternatives
from her2path.read.drug_names import _any_of as of_drugs
from her2path.read.drug_names import plain

CODES = read_codes()
NAMES = [name for listed in (CODES.names.names, CODES.names.never, CODES.names.organs) for name in listed.values()]
DRUGS = sorted(map(plain, CODES.therapy.names), key=len, reverse=True)
JOINTS = st.sampled_from([" ", "-", "/", "", " of ", ", "])


def joined(words: list[str], joint: str, gap: str) -> str:
    return joint.join(words).replace("*", gap)


@given(st.data(), st.sampled_from(NAMES), JOINTS, st.sampled_from(["", "isch", " "]))
def test_names_of_facts_and_organs(data: st.DataObject, listed: list[str], joint: str, gap: str) -> None:
    words = data.draw(st.lists(st.sampled_from(listed), min_size=1, max_size=3))
    text = texts.folded(joined(words, joint, gap))
    found, expected = names._any_of(listed).search(text), re.compile(names._of_all(tuple(listed))).search(text)
    assert (found and found.span()) == (expected and expected.span())


@given(st.lists(st.sampled_from(DRUGS), min_size=1, max_size=3), JOINTS)
def test_names_of_drugs(words: list[str], joint: str) -> None:
    text = plain(joint.join(words))
    some, every = Alternatives(DRUGS, of_drugs).among(text), re.compile(of_drugs(tuple(DRUGS)))
    assert (
        [each.span() for each in some.finditer(text)] == [each.span() for each in every.finditer(text)]
        if some
        else (every.search(text) is None)
    )


def test_only_so_many_patterns_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alternatives, "MOST_KEPT", 2)
    letters = Alternatives("abcdef", "|".join)
    assert [letters.search(text)[0] for text in ("xa", "xb", "fc", "de", "ed")] == ["a", "b", "f", "d", "e"]  # type: ignore[index]
    assert len(letters._known) == 3
    assert letters.search("x") is None


@given(st.data())
def test_phrases_of_laboratories_by_how_they_begin(data: st.DataObject) -> None:
    """Every phrase that a text begins with is among those that are tried there."""
    values = {"plus": "3+", "bare": "1", "digit": "2", "score": "2+", "group": "5", "number": "at most 4.5"}
    phrase = data.draw(st.sampled_from(CODES.texts.phrases))
    text = texts._PLACE.sub(lambda place: values[place[1]], phrase.written)
    text = data.draw(st.sampled_from([text, text.replace(" ", "  "), text.replace("-", " "), text.replace(" ", "")]))
    matches = [each for each in CODES.texts.phrases if (match := re.match(each.pattern, text)) and match.end()]
    tried = [each for begins, part, each in CODES.texts._beginning(text[0]) if text.startswith(begins) and part in text]
    assert all(each in tried for each in matches)
