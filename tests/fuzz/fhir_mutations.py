"""Mutations of FHIR that know JSON: each by its name, each a change of one resource, of one bundle, or of its bytes.

A mutation of a resource gets the list of resources and the place of one of them; it changes them and says where. One of
the text gets the bytes.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

from .words import LOOK_ALIKES

Path = tuple[Any, ...]
Resources = list[Any]
ALIKE = {latin: other for other, latin in LOOK_ALIKES.items()}
TWICE = "\x00twice"
"""Ends a key that is to stand twice under one name."""


def places(value: Any, path: Path = ()) -> list[Path]:
    """The path of every value below a value."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    return [place for key, inner in items for place in ((*path, key), *places(inner, (*path, key)))]


def holder_of(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def at(value: Any, path: Path) -> Any:
    return holder_of(value, path)[path[-1]]


def named(path: Path) -> str:
    """A path without the numbers of lists."""
    return ".".join(str(key) for key in path if not isinstance(key, int))


Mutation = Callable[[random.Random, Resources, int], str]


def _somewhere(rng: random.Random, resource: Any, wanted: Callable[[Any], bool] = lambda _value: True) -> Path | None:
    listed = [path for path in places(resource) if wanted(at(resource, path))]
    return rng.choice(listed) if listed else None


def key_dropped(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place])
    if path is None:
        return ""
    del holder_of(resources[place], path)[path[-1]]
    return named(path)


def key_renamed(rng: random.Random, resources: Resources, place: int) -> str:
    listed = [path for path in places(resources[place]) if isinstance(path[-1], str)]
    path = rng.choice(listed)
    holder, key = holder_of(resources[place], path), path[-1]
    other = rng.choice(
        (key.upper(), key.capitalize(), key[:-1], key + "s", f"_{key}", f" {key}", key.replace("e", "е"))
    )
    items = [(other if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(items)
    return named(path)


def type_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place])
    if path is None:
        return ""
    holder, value = holder_of(resources[place], path), at(resources[place], path)
    changes: list[Any] = [[value], {"value": value}, None, True, [], {}, 5, json.dumps(value)]
    if isinstance(value, str):
        changes += [int("".join(filter(str.isdigit, value)) or "0"), [[value]]]
    if isinstance(value, list) and value:
        changes += [value[0], {"0": value[0]}]
    if isinstance(value, dict) and value:
        changes += [next(iter(value.values())), list(value.values()), " ".join(map(str, value.values()))]
    holder[path[-1]] = rng.choice(changes)
    return named(path)


def coding_swapped(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(
        rng, resources[place], lambda value: isinstance(value, dict) and "code" in value and "system" in value
    )
    if path is None:
        return ""
    coding = at(resources[place], path)
    one, other = rng.sample(("system", "code", "display"), 2)
    first, second = coding.pop(one, None), coding.pop(other, None)
    coding.update({key: value for key, value in ((one, second), (other, first)) if value is not None})
    return named(path)


def system_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place], lambda value: isinstance(value, str) and value.startswith("http"))
    if path is None:
        return ""
    other = rng.choice(
        ("", "https://loinc.org", "http://loinc.org/", "LOINC", "urn:oid:2.16.840.1.113883.6.1", "local", "ICD10")
    )
    holder_of(resources[place], path)[path[-1]] = other
    return named(path)


def _of_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def digit_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place], lambda value: isinstance(value, str) and any(map(str.isdigit, value)))
    if path is None:
        return ""
    value = at(resources[place], path)
    number = rng.choice([number for number, sign in enumerate(value) if sign.isdigit()])
    digit = rng.choice("0123456789".replace(value[number], "") if value[number] in "0123456789" else "0123456789")
    holder_of(resources[place], path)[path[-1]] = value[:number] + digit + value[number + 1 :]
    return named(path)


def letters_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place], _of_words)
    if path is None:
        return ""
    value = at(resources[place], path)
    changes = (
        value.upper(), value.lower(), f" {value}", f"{value} ", f"{value}\n", value.replace(" ", "  "), value.replace(" ", "\u00a0"),
        value.replace("-", "\u2013"), value.replace("-", "\u2011"), "".join(ALIKE.get(sign, sign) for sign in value),
        value[:1] + "\u200b" + value[1:], value[:2] + "\u00ad" + value[2:], "\ufeff" + value,
        "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in value), value.replace("e", "e\u0301", 1),
    )  # fmt: skip
    holder_of(resources[place], path)[path[-1]] = rng.choice(changes)
    return named(path)


def resource_twice(rng: random.Random, resources: Resources, place: int) -> str:
    again = copy.deepcopy(resources[place])
    how = rng.choice(("the same", "another status", "another value", "another version"))
    if how == "another status":
        again["status"] = rng.choice(("entered-in-error", "cancelled", "preliminary", "amended"))
    elif how == "another value" and "valueQuantity" in again:
        again["valueQuantity"]["value"] = 47
    elif how == "another version":
        again["meta"] = {"versionId": "2", "lastUpdated": "2025-09-02T01:00:00+05:00"}
        resources[place]["meta"] = {"versionId": "1", "lastUpdated": "2025-09-01T23:00:00Z"}
    resources.insert(rng.randrange(len(resources) + 1), again)
    return how


def key_twice(rng: random.Random, resources: Resources, place: int) -> str:
    listed = [path for path in places(resources[place]) if isinstance(path[-1], str)]
    path = rng.choice(listed)
    holder, value = holder_of(resources[place], path), at(resources[place], path)
    holder[path[-1] + TWICE] = rng.choice((value, "x", 5, None))
    return named(path)


def nested(rng: random.Random, resources: Resources, place: int) -> str:
    how = rng.choice(("bundle in a bundle", "Parameters", "list", "contained", "List", "resource in a resource"))
    resource = resources[place]
    if how == "bundle in a bundle":
        resources[place] = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": resource}]}
    elif how == "Parameters":
        resources[place] = {"resourceType": "Parameters", "parameter": [{"name": "r", "resource": resource}]}
    elif how == "list":
        resources[place] = [resource]
    elif how == "contained":
        resources[place] = {
            "resourceType": "DiagnosticReport", "id": "report-TAG", "status": "final", "subject": resource.get("subject"),
            "contained": [resource], "result": [{"reference": f"#{resource.get('id')}"}],
        }  # fmt: skip
    elif how == "List":
        resources[place] = {
            "resourceType": "List",
            "contained": [resource],
            "entry": [{"item": {"reference": f"#{resource.get('id')}"}}],
        }
    else:
        resources[place] = {"resource": resource}
    return how


STATUSES = (
    "final", "amended", "corrected", "appended", "preliminary", "registered", "cancelled", "entered-in-error", "unknown",
    "completed", "in-progress", "stopped", "on-hold", "not-done", "active", "draft", "Final", "FINAL", "final ", "", "x", None, 1,
)  # fmt: skip


def status_changed(rng: random.Random, resources: Resources, place: int) -> str:
    status = rng.choice(STATUSES)
    if resources[place].get("resourceType") == "Condition":
        resources[place]["verificationStatus"] = {
            "coding": [{"code": rng.choice(("refuted", "provisional", "confirmed", "x"))}]
        }
    else:
        resources[place]["status"] = status
    return str(status)


DATES = (
    "2025-13-01", "2025-02-30", "0000-01-01", "0001-01-01", "9999-12-31", "2025", "2025-08", "20250805", "05.08.2025", "08/05/2025",
    "2025-08-05T23:30:00-05:00", "2025-08-05T00:30:00+14:00", "2025-08-05T24:00:00Z", "2025-08-05T10:00", " 2025-08-05", "2025-8-5",
    "2125-08-05", "1900-01-01", "", "x", 20250805, None, ["2025-08-05"], "2025-08-05/2025-08-06", "-2025-08-05", "٢٠٢٥-٠٨-٠٥",
)  # fmt: skip
DATED = ("effectiveDateTime", "onsetDateTime", "authoredOn", "birthDate", "statusChanged")


def date_changed(rng: random.Random, resources: Resources, place: int) -> str:
    fields = [name for name in DATED if name in resources[place]]
    if not fields:
        return ""
    name, day = fields[0], rng.choice(DATES)
    how = (
        rng.choice(("written", "as a period", "as an instant", "as issued"))
        if name == "effectiveDateTime"
        else "written"
    )
    if how == "written":
        resources[place][name] = day
    else:
        del resources[place][name]
        other = {"as a period": "effectivePeriod", "as an instant": "effectiveInstant", "as issued": "issued"}[how]
        resources[place][other] = {"start": day} if how == "as a period" else day
    return f"{name} {how}"


def reference_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(rng, resources[place], lambda value: isinstance(value, dict) and "reference" in value)
    if path is None:
        return ""
    old = at(resources[place], path)["reference"]
    kind, _, name = str(old).rpartition("/")
    changes: tuple[Any, ...] = (
        {"reference": f"https://h.example/fhir/{old}"}, {"reference": f"{old}/_history/3"}, {"reference": f"https://h.example/fhir/{old}/_history/1"},
        {"reference": f"urn:uuid:{name}"}, {"reference": name}, {"reference": f"{kind.lower()}/{name}"}, {"reference": f"/{old}"},
        {"reference": f"{old} "}, {"reference": f"{old}?x=1"}, {"display": "somebody"}, {"identifier": {"value": name}}, {"reference": ""},
        {"reference": None}, {"reference": 5}, {"reference": f"{kind}/nobody-TAG"}, {"reference": f"Group/{name}"}, {"reference": f"#{name}"},
        {"reference": old.upper() if isinstance(old, str) else old}, old, [{"reference": old}], None, {},
    )  # fmt: skip
    holder_of(resources[place], path)[path[-1]] = rng.choice(changes)
    return named(path)


def type_of_resource(rng: random.Random, resources: Resources, place: int) -> str:
    kind = resources[place].pop("resourceType", "")
    how = rng.choice(
        ("dropped", "lower case", "misspelt", "blank around", "a list", "null", "a number", "in DSTU2 or R5")
    )
    other = {
        "lower case": kind.lower(), "misspelt": kind[:-1], "blank around": f" {kind}", "a list": [kind], "null": None, "a number": 5,
        "in DSTU2 or R5": {"MedicationRequest": "MedicationOrder", "MedicationStatement": "MedicationUsage"}.get(kind, kind),
    }  # fmt: skip
    if how != "dropped":
        resources[place] = {"resourceType": other[how]} | resources[place]
    return how


def value_moved(rng: random.Random, resources: Resources, place: int) -> str:
    resource = resources[place]
    name = next((key for key in resource if key.startswith("value")), None)
    if name is None:
        return ""
    value = resource.pop(name)
    number = value.get("value") if isinstance(value, dict) else None
    words = f"{number} {value.get('unit', '')}".strip() if number is not None else str(value)
    low = {"value": number}
    changes: tuple[tuple[str, Any], ...] = (
        ("valueString", words), ("valueInteger", number), ("valueDecimal", number), ("valueCodeableConcept", {"text": words}),
        ("valueRange", {"low": low, "high": low}), ("valueQuantity", number), ("valueQuantity", words), ("valueString", [words]),
        ("valueQuantity", {"value": str(number), "unit": "%"}), ("valueQuantity", {"unit": "%"}), ("value", value), ("valueQuantity", [value]),
        ("component", [{"code": resource.get("code"), name: value}]), ("valueBoolean", True), ("valueRatio", {"numerator": low, "denominator": {"value": 1}}),
        ("interpretation", [{"text": words}]), ("dataAbsentReason", {"text": "unknown"}), ("note", [{"text": words}]), ("valueDateTime", words),
        ("valueSampledData", {"data": words}), ("extension", [{"url": "http://h.example/value", "valueString": words}]),
    )  # fmt: skip
    other, moved = rng.choice(changes)
    resource[other] = moved
    return f"{name} to {other}"


NUMBERS = (
    0, -1, 1e400, -0.0, 1e-300, 10**40, "62,5", "62.50", "6.2e1", "６２", "NaN", "about 60", "60-65", ">60", "", None, True, [60], {"value": 60}, 600, 0.62,
)  # fmt: skip


def number_changed(rng: random.Random, resources: Resources, place: int) -> str:
    path = _somewhere(
        rng, resources[place], lambda value: isinstance(value, int | float) and not isinstance(value, bool)
    )
    if path is None:
        return ""
    holder = holder_of(resources[place], path)
    holder[path[-1]] = rng.choice(NUMBERS)
    if isinstance(holder, dict) and "unit" in holder and rng.random() < 0.4:
        unit = rng.choice(("", None, "lb", "oz", "[lb_us]", "st", "g", "mg/kg", "mL", "x", "％"))
        holder.update({"unit": unit, "code": unit})
    return named(path)


def extended(rng: random.Random, resources: Resources, place: int) -> str:
    """Something foreign beside or below what is read."""
    deep: Any = "x"
    for _ in range(rng.choice((1, 50, 400))):
        deep = {"a": deep}
    path = _somewhere(rng, resources[place], lambda value: isinstance(value, dict))
    holder = at(resources[place], path) if path else resources[place]
    holder[rng.choice(("extension", "x", "", "__proto__", "resourceType ", "😀"))] = rng.choice(
        (deep, "x" * 5000, list(range(50)))
    )
    return named(path or ())


OF_RESOURCES: dict[str, Mutation] = {
    "key dropped": key_dropped, "key renamed": key_renamed, "type changed": type_changed, "coding swapped": coding_swapped,
    "system changed": system_changed, "digit changed": digit_changed, "letters changed": letters_changed,
    "resource twice": resource_twice, "key twice": key_twice, "nested": nested, "status": status_changed, "date": date_changed,
    "reference": reference_changed, "resourceType": type_of_resource, "value moved": value_moved, "number": number_changed,
    "extended": extended,
}  # fmt: skip


def truncated(rng: random.Random, text: bytes) -> bytes:
    return text[: rng.randrange(len(text))]


def bytes_changed(rng: random.Random, text: bytes) -> bytes:
    changed = bytearray(text)
    for _ in range(rng.choice((1, 1, 1, 3, 20))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def bytes_cut_or_doubled(rng: random.Random, text: bytes) -> bytes:
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.choice((1, 5, 40, 400)))
    return text[:start] + (text[end:] if rng.random() < 0.5 else text[start:end] + text[start:])


def encoded(rng: random.Random, text: bytes) -> bytes:
    words = text.decode()
    how = rng.choice(("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7"))
    return words.replace("breast", "breäst").encode(how, "replace")


OF_TEXT: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "truncated": truncated, "bytes changed": bytes_changed, "bytes cut or doubled": bytes_cut_or_doubled, "encoding": encoded,
}  # fmt: skip
