"""What is known of browsers for a while: bounded in number and time, in memory alone."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Content = TypeVar("Content")


class Kept(Generic[Content]):
    """Contents by secret names that only their browser knows; of a name only the digest is kept."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds, self.most, self.clock = seconds, most, clock
        self._held: OrderedDict[bytes, tuple[float, Content]] = OrderedDict()

    def add(self, content: Content, seconds: float | None = None) -> str:
        """Keep a content for a while; gives its name. The oldest goes where there are too many."""
        name = secrets.token_urlsafe(32)
        until = self.clock() + min(self.seconds, seconds if seconds is not None else self.seconds)
        self._held[_digest(name)] = (until, content)
        while len(self._held) > self.most:
            self._held.popitem(last=False)
        return name

    def get(self, name: str) -> Content | None:
        """What is kept under a name; `None` where nothing is, or its time is over."""
        until, content = self._held.get(_digest(name), (0.0, None))
        if content is not None and until < self.clock():
            self._held.pop(_digest(name), None)
            return None
        return content

    def take(self, name: str) -> Content | None:
        """The same, and it is kept no longer."""
        content = self.get(name)
        self._held.pop(_digest(name), None)
        return content


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
