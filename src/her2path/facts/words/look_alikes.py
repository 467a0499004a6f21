"""Letters of other scripts that look like Latin ones, as Unicode's table of confusable signs has them (UTS 39).

Nobody sees them in a heading, and a heading with one is another heading to a computer.
"""

from __future__ import annotations

import unicodedata

_CYRILLIC = dict(zip("АВЕКМНОРСТУХЅІЈаеорсухѕіј", "ABEKMHOPCTYXSIJaeopcyxsij", strict=True))
_GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧορν", "ABEZHIKMNOPTYXopv", strict=True))
_INVISIBLE = dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")
_LATIN = str.maketrans(_CYRILLIC | _GREEK | _INVISIBLE)


def as_seen(text: str) -> str:
    """A text as somebody reads it: look-alikes as Latin letters, wide forms as plain ones, invisible signs left out."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_LATIN)
