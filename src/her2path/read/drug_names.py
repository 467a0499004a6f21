"""Which drug the words of a medication name, by the longest name in them, and what keeps it from being told.

Trastuzumab by itself, under the skin, with pertuzumab in one vial, and bound to a poison are four different drugs whose
names share a word. So the bare name of the antibody counts only where the word beside it is understood
(`knowledge/codes/therapy/drug-words.md`); any other word may be the rest of a conjugate's name that nobody listed, and
is refused. A name that is nearly that of a HER2-directed drug is told, and not read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from ..facts.therapy_codes import Drug, TherapyCodes
from ..facts.words.alternatives import Alternatives

IV, SC, PHESGO, PERTUZUMAB = "trastuzumab-iv", "trastuzumab-sc", "phesgo", "pertuzumab"
NARROWER = {IV: SC, "paclitaxel": "nab-paclitaxel", "doxorubicin": "liposomal-doxorubicin"}
"""A form whose name or code says more than that of the substance does."""
_MARKS = re.compile(r"[®™()\[\]{},;「」『』（）【】＜＞<>\"“”'’‘*_|]")
_WORD = re.compile(r"[^\W\d_]+")
_SUFFIX = re.compile(r"-[a-z]{4}(?![a-z])")
_SPEAKS = re.compile(
    r"tra[sz]{1,2}t[uo][sz]+[uo]mab|pertuzumab|(?<![a-z])erb-?b-?2(?![0-9])|(?<![a-z])her-? ?2(?![0-9])"
)
_UNDER_THE_SKIN = re.compile(r"(?<![a-z])(?:sub-?q|s\. ?c\.?|under the skin)(?![a-z])|120 ?mg ?/ ?ml|600 ?mg ?/ ?5 ?ml")
"""How a text says the route or the strength that only the products under the skin have."""
_INTO_A_VEIN = re.compile(r"intra-?ven|intra-?vein|endoven|(?<![a-z])i\.?v\.?(?:pb)?(?![a-z])|静注|静脈|静脉")
SHORT = 4
"""Letters of an abbreviation that is understood only among words that are."""
MOST_KEPT = 1_000
"""Texts of which it is kept which route they say."""
LEAST_LIKE, LEAST_LIKE_BRAND = 9, 6
"""Letters of a name, and of a brand, that another may be misspelt for."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a medication was found to be.

    `drug` is "" where nothing is to be read, and `trouble` says why, where it matters. `exact`: a code or a brand
    says the form too. `directed`: it is, or may be, a HER2-directed drug. `strength` is how many mg stand in how much
    of which unit ("ml", or "" for pieces), where the medication itself says it.
    """

    drug: str = ""
    brand: str = ""
    note: str = ""
    trouble: str = ""
    said: str = ""
    exact: bool = False
    directed: bool = False
    strength: tuple[Decimal, Decimal, str] | None = None

    @property
    def matters(self) -> bool:
        return bool(self.drug or self.trouble)


NOBODY = Named()


class DrugNames:
    """The names of the code tables; `products` are the HER2-directed drugs among them."""

    def __init__(self, codes: TherapyCodes, products: Container[str]) -> None:
        self._names: dict[str, Drug] = {}
        self._products = products
        for name, drug in codes.names.items():
            words = plain(name)
            self._names[words] = drug
            if _SUFFIX.search(words):  # the letters of a biosimilar, after a hyphen or not
                self._names.setdefault(words.replace("-", " "), drug)
        listed = sorted(self._names, key=len, reverse=True)
        spaced = [name for name in listed if _WORD.search(name) and ord(max(name)) < 0x3000]
        glued = [name for name in listed if ord(max(name)) >= 0x3000]
        self._name = Alternatives([*glued, *spaced], _any_of)
        self._bare = {name for name, drug in self._names.items() if drug == Drug(IV) and " " not in name}
        bare = sorted((name for name in self._bare if "-" not in name), key=len, reverse=True)
        self._bare_name = re.compile("|".join(map(re.escape, bare))) if bare else None
        self.words = {plain(word): says for word, says in codes.words.items()}
        self._saying = {
            says: _of_words([word for word, said in self.words.items() if said == says])
            for says in ("conjugate", "other", "unclear", "directed", "study", "subcutaneous", "hyaluronidase")
        }
        self._routes: dict[str, str] = {}
        self._misspelt = tuple(
            name for name, drug in self._names.items()
            if drug.drug in products and len(name) >= (LEAST_LIKE_BRAND if drug.brand else LEAST_LIKE)
            and name.isalpha() and name.isascii()
        )  # fmt: skip

    def by_name(self, text: str) -> Named:
        """The drug that words name, or why it cannot be told; `NOBODY` where they name none."""
        words = plain(text)
        matches: list[tuple[str, Drug]] = []
        if (pattern := self._name.among(words)) is not None:
            matches = [(match[0], self._names[match[0]]) for match in pattern.finditer(words)]
        drugs = {drug for _, drug in matches if drug.drug}
        if why := self._unclear(words, {name for name, _ in matches}):
            return Named(trouble=why, directed=True)
        keys = self._together({drug.drug for drug in drugs}, words)
        brands = {drug.brand for drug in drugs if drug.brand}
        if SC in keys and (other := brands - {"herceptin"}) and any(d.drug == IV and d.brand in other for d in drugs):
            return Named(trouble=f"{text!r} is a brand for infusion, said to be given under the skin", directed=True)
        if SC in keys and IV in {drug.drug for drug in drugs if drug.brand}:
            brands.discard("herceptin")
        if len(keys) > 1:
            return Named(trouble=f"{text!r} names {listed(keys)}", directed=self._any_product(keys))
        note = "called investigational" if keys and self._says("study", words) and self._any_product(keys) else ""
        return Named(next(iter(keys), ""), brands.pop() if len(brands) == 1 else "", note)

    def names_a_product(self, text: str) -> bool:
        """Whether words hold the name of a HER2-directed drug, however unclear which of them it is."""
        words = plain(text)
        pattern = self._name.among(words)
        named = (self._names[match[0]].drug for match in pattern.finditer(words)) if pattern is not None else ()
        return self._any_product(named) or bool(self._bare_name and self._bare_name.search(words))

    def speaks(self, text: str) -> bool:
        """Whether words that name no drug of the tables speak of one that is directed at HER2."""
        words = plain(text)
        if _SPEAKS.search(words):
            return True
        if abbreviation := self._says("directed", words):
            # A few letters may be anything where words stand beside them that nobody listed.
            return len(abbreviation) > SHORT or all(word in self.words for word in _WORD.findall(words))
        if self._says("other", words):
            return False
        return bool(self._says("conjugate", words) and "deruxtecan" in words) or any(
            self._is_misspelt(word) for word in _WORD.findall(words)
        )

    def _is_misspelt(self, word: str) -> bool:
        return bool(self._meant(word))

    def _meant(self, word: str) -> str:
        """The name that a word is a misspelling of, or ""."""
        for name in self._misspelt:
            most = 2 if len(name) > LEAST_LIKE else 1
            if abs(len(word) - len(name)) <= most and nearly(word, name, most):
                return name
        return ""

    def nearest(self, text: str) -> str:
        """The name of a HER2-directed drug that a word of a text nearly is, or ""."""
        return next(filter(None, map(self._meant, _WORD.findall(plain(text)))), "")

    def _says(self, what: str, words: str) -> str:
        """The first word that says so, or ""."""
        match = self._saying[what].search(words)
        return match[0] if match else ""

    def _any_product(self, drugs: Iterable[str]) -> bool:
        return any(drug in self._products for drug in drugs)

    def _unclear(self, words: str, names: set[str]) -> str:
        """What keeps the antibody from being read: a part before or after it that nobody listed, or a payload."""
        if self._bare_name is None or not (self._bare_name.search(words) or self._any_named(names)):
            return ""
        rest = words
        for name in sorted(names, key=len, reverse=True):
            if name not in self._bare:
                rest = rest.replace(name, " \0 ")
        for match in self._bare_name.finditer(rest):
            if why := self._not_bare(rest, match):
                return why
        for says in ("conjugate", "unclear"):
            if word := self._says(says, rest):
                return f"beside the name stands {word!r}: which drug it is cannot be told"
        return ""

    def _any_named(self, names: set[str]) -> bool:
        """Whether a brand or a bare antibody is named, beside which no payload may stand."""
        return any(self._names[name].drug in (IV, SC, PERTUZUMAB, PHESGO) for name in names)

    def _not_bare(self, rest: str, match: re.Match[str]) -> str:
        """Why the name of the antibody at a place may be part of another's; "" where it is not."""
        name, before, after = match[0], rest[: match.start()], rest[match.end() :]
        glued = re.search(r"([^\W\d_]+)(-?)$", before)
        if glued and self.words.get(glued[1]) not in ("nothing", "study"):
            if ord(name[0]) < 0x3000 or glued[1][-1] == after[:1]:
                return f"{glued[0]}{name} is no drug that is known"
            if ord(glued[1][-1]) >= 0x3000:
                return f"{glued[1]}{name} is no drug that is known"
        following = _WORD.search(after)
        if following is None or "\0" in after[: following.start()]:
            return ""
        word = following[0]
        is_last = not after[following.end() :].strip(" .-/")
        if self._is_cut_off(word) and (is_last or _SUFFIX.match(after)):
            return f"'{name} {word}' may be cut off"
        if _SUFFIX.match(after):
            return ""
        if self._is_harmless(word) or self._begins_a_name(after[following.start() :]):
            return ""
        if following.start() == 0:
            return f"{name}{word} is no drug that is known"
        return f"'{name} {word}' is no drug that is known"

    def _is_cut_off(self, word: str) -> bool:
        """Whether a word may be the beginning of a payload's name, as in a text that was cut off."""
        return any(
            says == "conjugate" and payload != word and payload.startswith(word) for payload, says in self.words.items()
        )

    def _is_harmless(self, word: str) -> bool:
        says = self.words.get(word)
        if says is not None:
            return says in ("nothing", "study", "subcutaneous", "hyaluronidase", "directed")
        if word.isascii():
            return False
        # Where words are written together: the longest of them that begins it, then the rest.
        start = next((word[:end] for end in range(len(word) - 1, 0, -1) if word[:end] in self.words), "")
        return bool(start) and self._is_harmless(start) and self._is_harmless(word[len(start) :])

    def _begins_a_name(self, words: str) -> bool:
        pattern = self._name.among(words)
        return pattern is not None and pattern.match(words) is not None

    def _together(self, drugs: set[str], words: str) -> set[str]:
        """The drugs of some words: the parts of one product are that product."""
        hyaluronidase = bool(self._says("hyaluronidase", words))
        drugs = one_product(drugs, hyaluronidase)
        under_the_skin = _UNDER_THE_SKIN.search(words) or self._says("subcutaneous", words)
        return {SC} if drugs == {IV} and under_the_skin else drugs

    def route_said(self, text: str) -> str:
        """The route that words say: `subcutaneous`, `intravenous` or ""."""
        route = self._routes.get(text)
        if route is None:
            route = self._route(plain(text))
            if len(self._routes) < MOST_KEPT:
                self._routes[text] = route
        return route

    def _route(self, words: str) -> str:
        if "subcut" in words or _UNDER_THE_SKIN.search(words) or self._says("subcutaneous", words):
            return "subcutaneous"
        return "intravenous" if _INTO_A_VEIN.search(words) else ""

    def is_hyaluronidase(self, text: str) -> bool:
        """Whether words name the enzyme."""
        return bool(self._says("hyaluronidase", plain(text)))


def one_product(drugs: set[str], hyaluronidase: bool) -> set[str]:
    """Drugs named beside each other, of which those that are parts of one product are that product."""
    drugs = narrowest(drugs)
    if drugs <= {IV, SC, PHESGO, PERTUZUMAB} and drugs:
        if PHESGO in drugs:
            return {PHESGO}
        if hyaluronidase and drugs & {IV, SC}:
            return {PHESGO} if PERTUZUMAB in drugs else {SC}
    return drugs


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Words in small letters, without accents, brackets, commas and marks; wide forms as narrow ones."""
    text = unicodedata.normalize("NFKC", text).lower()
    if not text.isascii():
        parts = unicodedata.normalize("NFD", text)
        text = unicodedata.normalize("NFC", "".join(c for c in parts if not 0x300 <= ord(c) < 0x370))
    return " ".join(_MARKS.sub(" ", text).split())


def nearly(word: str, name: str, most: int) -> bool:
    """Whether one word becomes another by at most so many letters put in, left out or changed."""
    if word[:1] != name[:1] and word[1:3] != name[1:3]:
        return False
    row = list(range(len(name) + 1))
    for place, letter in enumerate(word, 1):
        last, row = row, [place]
        for at, other in enumerate(name, 1):
            row.append(min(last[at] + 1, row[-1] + 1, last[at - 1] + (letter != other)))
        if min(row) > most:
            return False
    return row[-1] <= most


def narrowest(drugs: set[str], exact: Container[str] = ()) -> set[str]:
    """Drugs without a substance of which the form is named too, unless a code says the substance in that very form."""
    return {drug for drug in drugs if drug in exact or NARROWER.get(drug) not in drugs}


def listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


def _any_of(words: tuple[str, ...]) -> str:
    spaced, glued = [w for w in words if ord(max(w)) < 0x3000], [w for w in words if ord(max(w)) >= 0x3000]
    parts = []
    if glued:  # scripts without spaces between words
        parts.append("|".join(map(re.escape, glued)))
    if spaced:
        parts.append(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, spaced))})(?![^\W_])")
    return "|".join(parts)


def _of_words(words: list[str]) -> Alternatives:
    return Alternatives(sorted(words, key=len, reverse=True), _any_of)
