"""Records of one patient from several places as one record."""

from __future__ import annotations

from collections.abc import Iterable

from .event import Record, Tissue


def joined(records: Iterable[Record]) -> Record:
    """One record of all that is known of one patient: she keeps the name and the place of the first.

    What is said of a tissue by the first record that says it stays; nothing of the records themselves is changed.
    Raises `ValueError` where there is no record.
    """
    listed = list(records)
    if not listed:
        raise ValueError("no record to join")
    whole = Record(listed[0].patient, listed[0].origin)
    for record in listed:
        whole.events += record.events
        whole.course += record.course
        whole.sites |= record.sites
        whole.troubles += record.troubles
        whole.passed_over += record.passed_over
        for name, tissue in record.tissues.items():
            held = whole.tissues.get(name)
            whole.tissues[name] = tissue if held is None else _filled(held, tissue)
    return whole


def _filled(held: Tissue, other: Tissue) -> Tissue:
    """A tissue with what another record says of it beside."""
    return Tissue(
        held.reference, held.kind or other.kind, held.place or other.place, held.day or other.day,
        held.side or other.side,
    )  # fmt: skip
