"""What a laboratory's text about HER2 comes to: the facts of its phrases, or the contradiction among them.

The phrases stand in `knowledge/codes/words/her2-texts.md`. A text may speak of IHC and of ISH; a word without a method
belongs to the test that the text stands under. What is said twice must agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ..facts.derive import GROUP_MEANS
from ..facts.fact import Facts
from ..facts.number import parse_interval, parse_number
from ..facts.value import NOT_REPORTED, Interval, OneOf, Reason, Unknown, Value
from ..facts.words.texts import Said, Texts
from ..record.event import RECORDED_STATUS, STAINED, STAINING_OPEN

IHC, ISH, OVERALL, UNNAMED = "ihc", "ish", "overall", ""
SCORES = {"positive": frozenset({"3+"}), "equivocal": frozenset({"2+"}), "negative": frozenset({"0", "1+"})}
"""Every edition calls 3+ positive, 2+ equivocal, 0 and 1+ negative (ASCO/CAP, Fig 1 of each)."""
ALL_SCORES = ("0", "1+", "2+", "3+")
LOW = frozenset({"1+", "2+"})
FACTS = {
    "ratio": "her2_cep17_ratio",
    "her2_copies": "her2_copies",
    "cep17_copies": "cep17_copies",
    "group": "ish_group",
}
LARGEST_FOCUS = Decimal(10)
"""Percent of the tumour: a score of 3+ asks for more (ASCO/CAP 2013 to 2023, Fig 1)."""
LOW_NOTE = "HER2-low is IHC 1+, or 2+ with an ISH that is not amplified"
FactValue = tuple[str, Value, str]


class Contradiction(Exception):
    """A text that says two different things."""


class Unread(Exception):
    """A text that says something which cannot be what its code asks for."""


@dataclass(slots=True)
class Statement:
    """What a text says: scores, words and states by method ("" where it names none), numbers of the ISH."""

    means: str
    scores: list[frozenset[str]] = field(default_factory=list)
    words: dict[str, set[str]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, list[str]] = field(default_factory=dict)
    staining: set[str] = field(default_factory=set)
    marks: set[str] = field(default_factory=set)
    shares: list[str] = field(default_factory=list)

    @property
    def has_ish(self) -> bool:
        """Whether it says anything of an ISH."""
        return bool(self.numbers or self.words.get(ISH))

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing of any test."""
        return not (self.scores or self.words or self.states or self.numbers or self.staining or "low" in self.marks)


def statement_of(said: list[Said], means: str) -> Statement:
    """The phrases of a text under a code that means `means`, each given to the method it speaks of.

    Raises `Unread` for a number that cannot be what the code counts.
    """
    content: list[tuple[Said, str]] = []
    method, behind_by = UNNAMED, False
    for place, one in enumerate(said):
        if one.key == "break":
            method = UNNAMED
        elif one.key == "by":
            behind_by = True
            continue
        elif one.key == "method":
            following = next((other.key for other in said[place + 1 :] if other.key != "nothing"), "break")
            if content and (behind_by or following in ("break", "method", "by")):
                content[-1] = content[-1][0], one.values[0]
            else:
                method = one.values[0]
        elif one.key != "nothing":
            content.append((one, method))
        behind_by = behind_by and one.key == "nothing"
    statement = Statement(means)
    for one, method in content:
        _take(statement, one, method)
    if "low beside" in statement.marks:
        if not statement.scores and means != OVERALL:
            raise Unread("low")
        statement.marks.add("low")
    return statement


def _take(statement: Statement, one: Said, method: str) -> None:
    key, values = one.key, one.values
    if key == "number":
        key = _of_number(statement, values[0], method)
    if key == "score":
        _must_be_ihc(statement, one, method)
        score = values[0].replace(" ", "")
        if score == "0+":
            statement.marks.add("zero plus")
        statement.scores.append(frozenset({_score(score)}))
    elif key == "from":
        _must_be_ihc(statement, one, method)
        low, high = sorted(ALL_SCORES.index(_score(value.replace(" ", ""))) for value in values)
        statement.scores.append(frozenset(ALL_SCORES[low : high + 1]))
    elif key in ("word", "protein", "gene"):
        of = {"protein": IHC, "gene": ISH}.get(key, method)
        statement.words.setdefault(of, set()).add(values[0])
    elif key in FACTS:
        statement.numbers.setdefault(key, []).append(values[0])
    elif key == "staining":
        statement.staining.add(values[0])
    elif key == "share":
        statement.shares.append(values[0])
    elif key in ("pending", "not done", "failed", "unknown"):
        statement.states[method] = key
    else:
        statement.marks.add(key)


def _must_be_ihc(statement: Statement, one: Said, method: str) -> None:
    """Raises `Unread` for a score under a code of another test, unless the text names IHC."""
    if method != IHC and statement.means not in (IHC, OVERALL):
        raise Unread(one.words)


def _score(word: str) -> str:
    return "0" if word[0] == "0" else f"{word[0]}+"


def _of_number(statement: Statement, number: str, method: str) -> str:
    """What a number without a name is: a score of IHC, or what the code counts."""
    of = method or (statement.means if statement.means in (IHC, OVERALL) else ISH)
    if of == ISH:
        return statement.means if statement.means in FACTS else "ratio"
    if of == IHC and number.removesuffix(".0") in ("0", "1", "2", "3"):
        return "score"
    if of == OVERALL and number == "0":  # any other bare number under an interpretation could be anything
        return "score"
    raise Unread(number)


def facts_of(statement: Statement, text: str, facts: Facts, texts: Texts) -> Iterator[FactValue]:
    """The facts a statement gives, each with its value (or why it is unknown) and a note.

    Raises `Contradiction` where it says two different things.
    """
    _place_words(statement)
    scores = _scores_of(statement)
    if statement.means == OVERALL and "low" in statement.marks and not statement.scores:
        statement.words.setdefault(OVERALL, set()).add("negative")
        scores = frozenset()
    if OVERALL in statement.words:
        yield RECORDED_STATUS, _overall(statement, scores), LOW_NOTE if "low" in statement.marks else ""
    elif statement.means == OVERALL and UNNAMED in statement.states:
        yield RECORDED_STATUS, _of_state(statement.states[UNNAMED], text), ""
    yield from _ihc(statement, scores, text)
    yield from _ish(statement, scores, text, facts, texts)


def _place_words(statement: Statement) -> None:
    """Give words without a method to the test they stand under; beside 2+ and an ISH, to that."""
    unnamed = statement.words.pop(UNNAMED, set())
    if not unnamed:
        return
    if statement.means == OVERALL:
        of = OVERALL
    elif statement.means == IHC:
        named = frozenset.union(*statement.scores) if statement.scores else frozenset()
        fits = all(named & SCORES[word] for word in unnamed)
        of = ISH if named == {"2+"} and not fits and statement.has_ish else IHC
    else:
        of = ISH
    statement.words.setdefault(of, set()).update(unnamed)


def _scores_of(statement: Statement) -> frozenset[str]:
    """The scores that are possible; none where nothing is said of IHC."""
    if not statement.scores and IHC not in statement.words and "low" not in statement.marks:
        return frozenset()
    scores = frozenset(ALL_SCORES)
    if statement.scores:
        is_mixed = "elsewhere" in statement.marks or ("focal" in statement.marks and len(statement.scores) > 1)
        combine = frozenset.union if is_mixed else frozenset.intersection
        scores = combine(*statement.scores)
        if not scores:
            raise Contradiction("scores " + " and ".join(sorted({one for each in statement.scores for one in each})))
    for word in sorted(statement.words.get(IHC, ())):
        if not scores & SCORES[word]:
            raise Contradiction(f"{word} and score {' or '.join(sorted(scores))}")
        scores &= SCORES[word]
    if "low" in statement.marks:
        if not scores & LOW:
            raise Contradiction(f"low and score {' or '.join(sorted(scores))}")
        scores &= LOW
    if scores == {"3+"} and any(_at_most(share, LARGEST_FOCUS) for share in statement.shares):
        raise Contradiction(
            f"3+ in {statement.shares[0]} % of the cells, where 3+ asks for more than {LARGEST_FOCUS} %"
        )
    if len(statement.staining) > 1 or ("no" in statement.staining and "0" not in scores):
        raise Contradiction("staining and none")
    return scores


def _overall(statement: Statement, scores: frozenset[str]) -> str:
    words = statement.words[OVERALL]
    if len(words) > 1:
        raise Contradiction(" and ".join(sorted(words)))
    (word,) = words
    ish = statement.words.get(ISH, set())
    opposite = {"positive": "negative", "negative": "positive"}.get(word, "")
    impossible = SCORES.get(opposite, frozenset())
    if (scores and scores <= impossible and not ish) or (
        opposite in ish and not scores & SCORES.get(word, frozenset())
    ):
        raise Contradiction(f"{word} beside {' or '.join(sorted(scores)) or ' '.join(sorted(ish))}")
    return word


def _ihc(statement: Statement, scores: frozenset[str], text: str) -> Iterator[FactValue]:
    state = statement.states.get(IHC) or (statement.states.get(UNNAMED) if statement.means == IHC else None)
    if not scores:
        if state and not statement.has_ish:
            yield "ihc_score", _of_state(state, text), ""
        return
    if "focal" in statement.marks and len(statement.scores) == 1 and not statement.staining:
        what = f"ihc_score {text!r}: a focal result does not say the score of the whole tumour"
        yield "ihc_score", Unknown(Reason.UNPARSABLE_TEXT, what), ""
        return
    value: Value = next(iter(scores)) if len(scores) == 1 else OneOf(scores)
    note = ""
    if not statement.scores and "low" not in statement.marks:
        word = " ".join(sorted(statement.words[IHC]))
        note = f"no score was recorded: IHC {word} is read as {value}"
    elif isinstance(value, OneOf):
        note = LOW_NOTE if "low" in statement.marks else f"IHC {text!r} is read as {value}"
    yield "ihc_score", value, note
    if "0" in scores and statement.staining:
        yield STAINED, next(iter(statement.staining)), ""
    elif scores == {"0"} and "zero plus" in statement.marks:
        yield STAINED, STAINING_OPEN, ""


def _ish(statement: Statement, scores: frozenset[str], text: str, facts: Facts, texts: Texts) -> Iterator[FactValue]:
    words = statement.words.get(ISH, set())
    if len(words) > 1:
        raise Contradiction("ISH " + " and ".join(sorted(words)))
    numbers = {name: _one_number(name, said, facts) for name, said in statement.numbers.items()}
    _beside_numbers(words, numbers, texts)
    _beside_group(numbers)
    if words:
        yield "ish_result", next(iter(words)), ""
    elif "low" in statement.marks and scores and scores != {"1+"} and not numbers:
        yield "ish_result", "negative", ""
    for name, value in numbers.items():
        note = f"copies from {text!r}" if name == "her2_copies" and "ratio" in numbers else ""
        if name == "ratio" and statement.means == ISH and not words and len(numbers) == 1:
            note = "a number under an ISH presence code is read as the HER2/CEP17 ratio"
        yield FACTS[name], value, note
    is_under_ish = statement.means not in (IHC, OVERALL)
    state = statement.states.get(ISH) or (statement.states.get(UNNAMED) if is_under_ish else None)
    if state and not words and not numbers:
        yield FACTS.get(statement.means, "ish_result"), _of_state(state, text), ""


def _one_number(name: str, said: list[str], facts: Facts) -> Value:
    values = [facts[FACTS[name]].coerce(number) for number in said]
    if any(value != values[0] for value in values):
        raise Contradiction(f"{FACTS[name]} {' and '.join(said)}")
    return values[0]


def _beside_numbers(words: set[str], numbers: dict[str, Value], texts: Texts) -> None:
    """Raises `Contradiction` for a word of the ISH that no edition gives to its numbers."""
    ratio, copies = numbers.get("ratio"), numbers.get("her2_copies")
    for word, ratios, copy_numbers in texts.impossible:
        of_ratio, of_copies = parse_interval(ratios), parse_interval(copy_numbers)
        if word not in words or of_ratio is None or of_copies is None or not isinstance(ratio, Decimal):
            continue
        if ratio in of_ratio and (copies is None or (isinstance(copies, Decimal) and copies in of_copies)):
            beside = f" and copies {copies}" if copies is not None else ""
            raise Contradiction(f"{word} beside a ratio of {ratio}{beside}")


def _beside_group(numbers: dict[str, Value]) -> None:
    """Raises `Contradiction` for a group whose ratio or copies are others than those beside it."""
    ratios_and_copies = GROUP_MEANS.get(str(numbers.get("group")))
    for name, limits in zip(("ratio", "her2_copies"), ratios_and_copies or (), strict=False):
        number = numbers.get(name)
        if isinstance(number, Decimal) and number not in limits:
            raise Contradiction(f"group {numbers['group']} beside {FACTS[name]} {number}")


def _of_state(state: str, text: str) -> Value:
    if state == "not done":
        return NOT_REPORTED
    if state == "pending":
        return Unknown(Reason.PRELIMINARY, text)
    if state == "unknown":
        return Unknown(Reason.ABSENT, text)
    return Unknown(Reason.ABSENT, f"the test failed: {text}")


def _at_most(share: str, limit: Decimal) -> bool:
    number = parse_number(share)
    highest = number.high if isinstance(number, Interval) else number
    return highest is not None and highest <= limit
