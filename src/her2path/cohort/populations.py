"""`her2path.population`: a whole population reviewed into a folder, and that folder as tables, measures and a page."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..facts.problem import AskedWrongly
from ..facts.value import Json
from ..facts.words.given import day_given, path_given
from ..facts.words.nearest import hint
from ..findings.settings import Settings
from ..tables.library import Knowledge
from ..tables.load import default_knowledge
from ..tables.site import Site
from ..write.output import put
from .measures.count import Counted, count, patients_of
from .measures.read import measure_named
from .measures.views import bound_to, opened, place_of
from .population.editions import (
    editions_of,
    manifest_of_run,
    require_editions,
    review_editions,
    settings_of_run,
)  # fmt: skip
from .population.folder import TABLES
from .population.plan import tables_in
from .population.run import review_population
from .reviews import needed, settings_asked

if TYPE_CHECKING:
    import pandas
    import polars

    from .report.flow import Flow


class Population:
    """The folder of a population that is reviewed: its tables, what measures come to, and who is behind a number.

    Nothing is held in memory but what is asked for. Raises `AskedWrongly` where the folder holds no run that is done.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = path_given(folder, "folder")
        self._told: Any = manifest_of_run(self.folder)

    @property
    def manifest(self) -> dict[str, Json]:
        """What was read, by what, and what came of it."""
        return dict(self._told)

    @property
    def summary(self) -> dict[str, Json]:
        """The counts over all patients."""
        return dict(self._told["summary"])

    def __len__(self) -> int:
        return int(self._told["summary"]["patients"])

    def __repr__(self) -> str:
        return f"<Population of {len(self)} patients on {self._told['plan']['on']} in {self.folder}>"

    def to_arrow(self, table: str = "findings", edition: str | None = None) -> pa.Table:
        """One of `facts`, `findings`, `patients`, `episodes`, `specimens` as an Arrow table, of all parts.

        With an `edition` as that one sees the patients. Raises `AskedWrongly` for another table or edition.
        """
        if table not in TABLES:
            raise AskedWrongly(f"no table is called {table!r}{hint(str(table), TABLES)}")
        place = self.folder if table == "facts" else place_of(self.folder, edition)
        return pq.ParquetDataset(place / table).read()

    def to_pandas(self, table: str = "findings", edition: str | None = None) -> pandas.DataFrame:
        """The same as a pandas frame. Raises `AskedWrongly` where pandas is not installed."""
        needed("pandas")
        return self.to_arrow(table, edition).to_pandas()

    def to_polars(self, table: str = "findings", edition: str | None = None) -> polars.DataFrame:
        """The same as a Polars frame. Raises `AskedWrongly` where Polars is not installed."""
        needed("polars")
        import polars

        frame = polars.from_arrow(self.to_arrow(table, edition))
        assert isinstance(frame, polars.DataFrame)
        return frame

    def measure(
        self, key: str, by: str | None = None, *, edition: str | None = None,
        first: dt.date | str | None = None, last: dt.date | str | None = None,
    ) -> list[Counted]:  # fmt: skip
        """What a measure comes to: one `Counted`, or one for each stratum of the column `by`.

        `key` names a measure or a file of one's own; `edition` the edition that sees the patients; `first` and `last`
        bound the day of the first HER2-directed dose. Raises `AskedWrongly` for what there is not.
        """
        measure = measure_named(key)
        period = (None if first is None else day_given(first), None if last is None else day_given(last))
        return count(opened(self.folder, edition or bound_to(measure)), measure, by, period)

    def who(self, key: str, answer: str, *, edition: str | None = None) -> list[str]:
        """Who stands behind a number: `met`, `not met`, `undetermined`, `membership undetermined`, `excluded`."""
        measure = measure_named(key)
        return [*patients_of(opened(self.folder, edition or bound_to(measure)), measure, answer)]

    @property
    def editions(self) -> list[str]:
        """The editions under which the patients lie reviewed beside that of the run."""
        return editions_of(self.folder)

    def review_editions(
        self, keys: Sequence[str], *, settings: Site | None = None, knowledge: Knowledge | None = None,
        processes: int | None = None,
    ) -> Flow:  # fmt: skip
        """Review the same facts by other editions of HER2 testing too, and tell how the patients move between them.

        `settings` are those of the institution, where the run was made with some. Raises `AskedWrongly`.
        """
        from .report.flow import flow_of

        knowledge = knowledge or default_knowledge()
        asked = settings_of_run(self._told["plan"], settings or Site())
        review_editions(self.folder, keys, knowledge, asked, processes=processes)
        return flow_of(self.folder, keys)

    def report(
        self, output: str | os.PathLike[str], measures: Sequence[str] = (), by: Sequence[str] = (), *,
        suppress: int = 0, most_patients: int = 20, title: str = "", knowledge: Knowledge | None = None,
    ) -> None:  # fmt: skip
        """Write one page of HTML with every measure, as `her2path report` does. Raises `AskedWrongly`."""
        from .report.page import report_page

        page = report_page(
            self.folder, knowledge or default_knowledge(), measures, by, least=suppress, most_patients=most_patients,
            title=title,
        )  # fmt: skip
        put(page, path_given(output, "output"))


def population(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    on: dt.date | str | None = None,
    settings: Settings | Site | str | os.PathLike[str] | None = None,
    jurisdiction: str | None = None,
    site: str | None = None,
    edition: str | None = None,
    editions: Sequence[str] = (),
    carry: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    missing: Iterable[str] = (),
    parts: int | None = None,
    processes: int | None = None,
    anew: bool = False,
    knowledge: Knowledge | None = None,
) -> Population:
    """Review every patient of a source into a folder, as `her2path cohort` does, and give that folder.

    Broken off, the same call goes on where it was; `anew` begins again. `carry` names columns that no rule reads,
    `editions` those under which the patients are to be seen too; the others are those of `review`. Raises
    `AskedWrongly` where the source or an argument cannot be meant, or the folder holds another run.
    """
    knowledge = knowledge or default_knowledge()
    asked = settings_asked(settings, knowledge, on, jurisdiction, site, edition, None, missing)
    require_editions(editions, knowledge)
    path, folder = path_given(source, "source"), path_given(output, "output")
    if carry:
        from ..read.beside.carried import carried_of

        asked = replace(asked, carried=carried_of(tables_in(path), carry, columns, asked.at.missing))
    review_population(
        path, folder, knowledge, asked, parts=parts, processes=processes, columns=columns, anew=anew
    )  # fmt: skip
    if editions:
        review_editions(folder, editions, knowledge, asked, processes=processes)
    return Population(folder)
