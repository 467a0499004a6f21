"""What a measure came to, in words: the same in text and on the page."""

from __future__ import annotations

from ..measures.count import Counted


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def rate_words(counted: Counted, least: int = 0) -> str:
    """The rate with how many of how many and its interval; or the median with its quartiles."""
    if counted.is_small(least):
        return f"not told: a count below {least}"
    known = counted.met + counted.not_met
    if counted.quartiles is not None:
        low, middle, high = counted.quartiles
        return f"median {middle:.0f} days (quartiles {low:.0f} and {high:.0f}) of {known}"
    if counted.rate is None or counted.interval is None:
        return "nobody of whom it is known"
    low, high = counted.interval
    return f"{percent(counted.rate)} ({counted.met} of {known}; 95 % interval {percent(low)} to {percent(high)})"


def open_words(counted: Counted, least: int = 0) -> str:
    """Who is undetermined, and how far they could move the rate; who is excluded. Begins with a semicolon, or is ""."""
    if counted.is_small(least):
        return ""
    words = ""
    if counted.undetermined or counted.maybe:
        opens = [f"{counted.undetermined} undetermined"] * bool(counted.undetermined)
        opens += [f"{counted.maybe} of whom it is open whether they are counted"] * bool(counted.maybe)
        words += f"; {', '.join(opens)}"
        if counted.lowest is not None and counted.highest is not None and counted.quartiles is None:
            words += f": from {percent(counted.lowest)} to {percent(counted.highest)}"
    return words + (f"; {counted.excluded} excluded" if counted.excluded else "")
