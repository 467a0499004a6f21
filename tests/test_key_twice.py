"""A key that stands twice, the first of the two ours: the resource is told, and what hangs on it is unknown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from her2path.read.fhir.json import DuplicateKey, as_first_said, parse_strictly
from record_shapes import Resource, Said, dose, her2, lines, lvef, therapy_of

OTHER = '{"coding": [{"system": "http://loinc.org", "code": "718-7"}]}'


def in_one_bundle(folder: Path, texts: list[str]) -> Path:
    path = folder / "one.json"
    entries = ", ".join(f'{{"resource": {text}}}' for text in texts)
    path.write_text(f'{{"resourceType": "Bundle", "type": "collection", "entry": [{entries}]}}', encoding="utf-8")
    return path


def in_lines(folder: Path, texts: list[str]) -> Path:
    path = folder / "lines.ndjson"
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return path


def again(text: str, key: str, value: str) -> str:
    """A text in which a key stands once more, after its first."""
    place = text.index(f'"{key}": ')
    value_of, end = json.JSONDecoder().raw_decode(text, place + len(key) + 4)
    assert value_of is not None
    return f'{text[:end]}, "{key}": {value}{text[end:]}'


HIDDEN: dict[str, tuple[Resource, str, str]] = {
    "the code of an LVEF": (lvef("e9", "2025-08-01", 44), "code", OTHER),
    "the code in its coding": (
        lvef("e9", "2025-08-01", 44),
        "coding",
        '[{"system": "http://loinc.org", "code": "718-7"}]',
    ),
    "the drug of a dose": (dose(9, "2025-08-04"), "medicationCodeableConcept", '{"text": "aspirin"}'),
    "the type of a dose": (dose(9, "2025-08-04"), "resourceType", '"Encounter"'),
    "the code of a HER2 test": (her2(), "code", OTHER),
}


@pytest.mark.parametrize("place", [in_one_bundle, in_lines])
@pytest.mark.parametrize("name", HIDDEN)
def test_what_stands_first_is_not_passed_over(name: str, place: Callable[..., Path], tmp_path: Path) -> None:
    resource, key, value = HIDDEN[name]
    others = [json.dumps(each) for each in therapy_of() if each["id"] != resource["id"]]
    said = Said(place(tmp_path, [*others, again(json.dumps(resource), key, value)]))
    assert f"the key '{key}' stands twice in one object" in said.words()
    if name == "the code of a HER2 test":
        assert said.status() is None


def test_the_code_of_one_coding(tmp_path: Path) -> None:
    text = json.dumps(lvef("e9", "2025-08-01", 44))
    (code,) = {coding["code"] for coding in lvef("e9", "2025-08-01", 44)["code"]["coding"]}
    doubled = text.replace(f'"code": "{code}"', f'"code": "{code}", "code": "x"')
    assert doubled != text
    said = Said(in_lines(tmp_path, [*map(json.dumps, therapy_of()), doubled]))
    assert "the key 'code' stands twice in one object" in said.words()
    assert "lvef" in said.words()


def test_what_is_nobodys_business_is_not_told(tmp_path: Path) -> None:
    other = again(json.dumps(lvef("e9", "2025-08-01", 44) | {"code": json.loads(OTHER)}), "status", '"draft"')
    plain = Said(lines(tmp_path / "a" / "x.ndjson", *therapy_of()))
    assert Said(in_lines(tmp_path, [*map(json.dumps, therapy_of()), other])).patients == plain.patients


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('{"a": 1, "a": 2}', {"a": 1}), ('{"b": [{"a": "x\\"y", "c": 1, "a": null}]}', {"b": [{"a": 'x"y', "c": 1}]}),
        ('{"a": 1, "b": 1.50}', None), ('{"a": "1\\u0022", "b": "\\\\"}', None), ("{", None), ('{"a": {"a": 1}}', None),
    ],
)  # fmt: skip
def test_the_first_of_two_is_put_last(text: str, first: object) -> None:
    turned = as_first_said(text.encode())
    if first is None:
        assert turned is None
        return
    assert turned is not None
    assert json.loads(turned) == first
    with pytest.raises(DuplicateKey):
        parse_strictly(turned)
