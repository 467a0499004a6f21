"""Files that stand beside an export, its manifest and its log: no records, but they may tell that one is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ....record.event import Trouble
from ..resource import Missing

FAILED = ("download_error", "export_error", "status_error", "kickoff_error", "status_page_error", "manifest_error")
"""The events of an export's log that tell of something that did not arrive."""


def tells_of_export(content: bytes, where: str) -> Iterator[Trouble | Missing]:
    """What a JSON object without a `resourceType` tells: of an export, or that it is no FHIR."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        if is_manifest(document):
            yield from _of_manifest(document, where)
            return
        if is_log(document):
            yield from _of_log(document, where)
            return
    yield Trouble("not FHIR", where, "no resourceType; expected a FHIR Bundle or resource")


def is_manifest(document: dict[str, Any]) -> bool:
    """Whether an object is the manifest that a server gives of a bulk export."""
    return isinstance(document.get("output"), list) and ("transactionTime" in document or "request" in document)


def is_log(document: dict[str, Any]) -> bool:
    """Whether an object is a line of the log that a client writes of a bulk export."""
    return isinstance(document.get("eventId"), str) and bool({"exportId", "timestamp", "eventDetail"} & document.keys())


def _of_manifest(document: dict[str, Any], where: str) -> Iterator[Missing]:
    errors = document.get("error")
    for error in errors if isinstance(errors, list) else []:
        name = str(error.get("url") if isinstance(error, dict) else error)
        yield Missing(where, f"the export's manifest names a file of errors ({name[:120]})")


def _of_log(document: dict[str, Any], where: str) -> Iterator[Missing]:
    event = str(document.get("eventId"))
    detail = document.get("eventDetail")
    detail = detail if isinstance(detail, dict) else {}
    has_error = event in FAILED or event.endswith("_error") or bool(detail.get("errorCode") or detail.get("errorBody"))
    if not has_error:
        return
    said = detail.get("message") or detail.get("errorBody") or detail.get("body") or detail.get("errorCode")
    file = str(detail.get("fileUrl") or "")
    words = " ".join(str(said or "").split())[:200]
    kind = detail.get("resourceType") or file.rpartition("/")[2].partition(".")[0]
    types = frozenset({str(kind)}) if str(kind)[:1].isupper() and str(kind).isalpha() else frozenset[str]()
    which = f"{event} of {file[:120]}" if file else event
    what = f"the export's log tells of an error ({which}){': ' if words else ''}{words}"
    yield Missing(where, what, types)
