"""The edition that a review is asked to go by: a key, or a file of one's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..edition import Edition, is_edition_file
from ..library import Knowledge
from ..site import Site
from .edition_file import read_own_edition


def site_by_edition(site: Site, name: str, knowledge: Knowledge) -> tuple[Site, str | None]:
    """The settings of a site that reviews by an edition (a key, or a file), and the key where it decides HER2 tests.

    An edition that decides no HER2 tests decides all its outcomes of a course, for the products that it is for.
    """
    own: Edition | None = None
    if is_edition_file(name):
        own = read_own_edition(Path(name), knowledge)
        knowledge = knowledge.with_editions([own])
    chosen = own or knowledge.edition(name)
    if own is not None and own.key not in {each.key for each in site.own_editions}:
        site = replace(site, own_editions=(*site.own_editions, own))
    if "her2_status" in knowledge.tables_of(chosen):
        return site, chosen.key
    return replace(site, editions={**site.editions, **dict.fromkeys(chosen.tables, chosen.key)}), None
