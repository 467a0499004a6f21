"""Letters of other scripts that look like Latin ones, as Unicode's table of confusable signs has them (UTS 39).

Nobody sees them, and a heading, a name or a code with one is another to a computer.
"""

from __future__ import annotations

import unicodedata

_CYRILLIC = dict(zip("АВЕКМНОРСТУХЅІЈаеорсухѕіј", "ABEKMHOPCTYXSIJaeopcyxsij", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧορν", "ABEZHIKMNOPTYXopv", strict=True))
_INVISIBLE = dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_LATIN = str.maketrans(_CYRILLIC | _GREEK | _INVISIBLE | _DASHES)


def as_seen(text: str) -> str:
    """A text as somebody reads it: look-alikes as Latin letters, wide forms as plain ones, one kind of dash, and no
    signs that nobody sees."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_LATIN)
