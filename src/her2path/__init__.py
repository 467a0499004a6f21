"""her2path: trastuzumab therapy, computable.

    >>> import her2path
    >>> her2path.decide("her2_status", {"ihc_score": "3+"}, edition="asco-cap-2018").value
    'positive'

Where to begin:

    review(records, on=...)       every patient of a file, a frame, dictionaries or FHIR; gives Reviews
    Reviews                       .patient(id), .to_arrow(), .to_pandas(), .to_polars(), .text(), .write(path)
    decide(outcome, facts)        one outcome for one patient; gives a Decision with its rows and sources
    decide_table(outcome, table)  the same for every row of a table or frame
    compare(left, right, ...)     the situations in which two editions disagree
    review_file(path, output)     any number of patients, into Parquet
    population(source, output)    a whole population into a folder; gives Population
    Population(folder)            .to_arrow(table), .measure(key, by=), .who(key, answer), .report(path)
    read_records, Reviewer        records one by one, and what reviews them
    read_site, Settings           an institution's settings, and those of a review
    read_knowledge                facts, sources and editions, proven
    Format, Source                one more way to write, one more kind of file to read
    AskedWrongly                  what is raised where a request cannot be met as asked

The public names are those of `__all__`, described in `docs/library.md`; what they promise is in `docs/versions.md`.
Everything else is private and may move. A name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._moved import install

if TYPE_CHECKING:
    from .answers.answer import Answer, Assumed, Case, Detail, Missing, Step
    from .answers.dose import DoseAnswer, answer_dose
    from .answers.her2 import Her2Answer, answer_her2
    from .answers.lvef import LvefAnswer, answer_lvef
    from .answers.making_up import MadeUp, Opened
    from .answers.names import Drug
    from .answers.substitute import Offered, SubstitutionAnswer, answer_substitution
    from .answers.washout import WashoutAnswer, answer_washout
    from .cohort.measures.count import Counted
    from .cohort.populations import Population, population
    from .cohort.report.flow import Flow, Mover
    from .cohort.review import review_file, review_source
    from .cohort.reviews import Records, Reviews, review
    from .facts.fact import Fact
    from .facts.problem import AskedWrongly, KnowledgeError, NoJurisdiction, Problem
    from .facts.source import Citation
    from .facts.value import Interval, Json, OneOf, Reason, Unknown, Value
    from .findings.course.standing import Standing
    from .findings.finding import Finding, Grade
    from .findings.patient import Reviewer
    from .findings.plan.items import PlanItem
    from .findings.plan.regimens import Fitting
    from .findings.plan.what_if import WhatIf, what_if
    from .findings.reviews import CourseReview, PatientReview, SpecimenReview
    from .findings.settings import Settings
    from .findings.summary import Summary
    from .read.beside.given import Source, register_source
    from .read.beside.said import read_said
    from .read.source import read_records
    from .record.event import Event, Record, Tissue, Trouble
    from .tables.array import Array
    from .tables.decision import Decision, decide
    from .tables.difference import Disagreement, Side, compare
    from .tables.edition import Edition
    from .tables.library import Knowledge
    from .tables.load import read_knowledge
    from .tables.many.decide_rows import decide_table
    from .tables.many.look_up import decide_batch
    from .tables.own.edition_file import with_edition
    from .tables.site import Site, read_site
    from .write.formats import Format, format_names, register_format
    from .write.plan_page.content import PlanPage, Section, plan_page
    from .write.writer import write_reviews

    __version__: str

_PLACES = {
    "answers.answer": "Answer Assumed Case Detail Missing Step",
    "answers.dose": "DoseAnswer answer_dose",
    "answers.her2": "Her2Answer answer_her2",
    "answers.lvef": "LvefAnswer answer_lvef",
    "answers.making_up": "MadeUp Opened",
    "answers.names": "Drug",
    "answers.substitute": "Offered SubstitutionAnswer answer_substitution",
    "answers.washout": "WashoutAnswer answer_washout",
    "cohort.measures.count": "Counted",
    "cohort.populations": "Population population",
    "cohort.report.flow": "Flow Mover",
    "cohort.review": "review_file review_source",
    "cohort.reviews": "Records Reviews review",
    "facts.fact": "Fact",
    "facts.problem": "AskedWrongly KnowledgeError NoJurisdiction Problem",
    "facts.source": "Citation",
    "facts.value": "Interval Json OneOf Reason Unknown Value",
    "findings.course.standing": "Standing",
    "findings.finding": "Finding Grade",
    "findings.patient": "Reviewer",
    "findings.plan.items": "PlanItem",
    "findings.plan.regimens": "Fitting",
    "findings.plan.what_if": "WhatIf what_if",
    "findings.reviews": "CourseReview PatientReview SpecimenReview",
    "findings.settings": "Settings",
    "findings.summary": "Summary",
    "read.beside.given": "Source register_source",
    "read.beside.said": "read_said",
    "read.source": "read_records",
    "record.event": "Event Record Tissue Trouble",
    "tables.array": "Array",
    "tables.decision": "Decision decide",
    "tables.difference": "Disagreement Side compare",
    "tables.edition": "Edition",
    "tables.library": "Knowledge",
    "tables.load": "read_knowledge",
    "tables.many.decide_rows": "decide_table",
    "tables.many.look_up": "decide_batch",
    "tables.own.edition_file": "with_edition",
    "tables.site": "Site read_site",
    "write.formats": "Format format_names register_format",
    "write.plan_page.content": "PlanPage Section plan_page",
    "write.writer": "write_reviews",
}
"""The public names by the module that holds them."""
_WHERE = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = [
    "Answer",
    "Array",
    "AskedWrongly",
    "Assumed",
    "Case",
    "Citation",
    "Counted",
    "CourseReview",
    "Decision",
    "Detail",
    "Disagreement",
    "DoseAnswer",
    "Drug",
    "Edition",
    "Event",
    "Fact",
    "Finding",
    "Fitting",
    "Flow",
    "Format",
    "Grade",
    "Her2Answer",
    "Interval",
    "Json",
    "Knowledge",
    "KnowledgeError",
    "LvefAnswer",
    "MadeUp",
    "Missing",
    "Mover",
    "NoJurisdiction",
    "Offered",
    "OneOf",
    "Opened",
    "PatientReview",
    "PlanItem",
    "PlanPage",
    "Population",
    "Problem",
    "Reason",
    "Record",
    "Records",
    "Reviewer",
    "Reviews",
    "Section",
    "Settings",
    "Side",
    "Site",
    "Source",
    "SpecimenReview",
    "Standing",
    "Step",
    "SubstitutionAnswer",
    "Summary",
    "Tissue",
    "Trouble",
    "Unknown",
    "Value",
    "WashoutAnswer",
    "WhatIf",
    "__version__",
    "answer_dose",
    "answer_her2",
    "answer_lvef",
    "answer_substitution",
    "answer_washout",
    "compare",
    "decide",
    "decide_batch",
    "decide_table",
    "format_names",
    "plan_page",
    "population",
    "read_knowledge",
    "read_records",
    "read_said",
    "read_site",
    "register_format",
    "register_source",
    "review",
    "review_file",
    "review_source",
    "what_if",
    "with_edition",
    "write_reviews",
]

install()


if not TYPE_CHECKING:  # a type checker would believe that there is every name

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used, so that a small command starts quickly."""
        from importlib import import_module

        if name == "__version__":
            value: object = _version()
        elif name in _WHERE:
            value = getattr(import_module(f".{_WHERE[name]}", __name__), name)
        else:
            raise AttributeError(f"module 'her2path' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("her2path")
    except PackageNotFoundError:  # pragma: no cover - only in a source tree that is not installed
        return "0.0.0"
