"""The records of advice written and read. Everything here blocks: it is called from a thread.

What was advised is written before the answer goes out, without waiting for the disk: it outlives the process, and at a
loss of power the last moments may be missing. Feedback is acknowledged only when it stands on the disk.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, create_engine, delete, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ...facts.problem import AskedWrongly
from .schema import (
    OVERRIDDEN,
    advice_table,
    asked_table,
    feedback_table,
    migrate,
    note_overridden,
    overridden_table,
    spent_table,
)

Json = dict[str, Any]
WAITS_MS, ADVICE_WAITS_MS = 5_000, 2_000
"""So long feedback, and what was advised, waits for another writer of SQLite."""
MOST_ROWS = 10_000
_DURABLE = "her2path durable"
"""Under which name a connection of SQLite holds whether its last transaction waited for the disk."""

# What every answer needs is built once: building it anew takes longer than the database does.
_ADD_ASKED, _ADD_ADVICE = asked_table.insert(), advice_table.insert()
_NOTE_OVERRIDDEN = note_overridden(feedback_table.c.digest == bindparam("said"))
_OVERRIDDEN_OF = (
    select(overridden_table.c.outcome, overridden_table.c.at, overridden_table.c.reason)
    .where(overridden_table.c.patient == bindparam("patient"))
    .order_by(overridden_table.c.feedback)
)


class NotKept(Exception):
    """Something could not be written; the words name the kind of the fault and nothing of the record."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One answer of a service, as it is kept."""

    hook_instance: str
    service: str
    issuer: str
    patient: str
    who: str
    on_day: str
    digest: str
    resources: Sequence[str]
    unseen: Sequence[str]
    program: str


@dataclass(frozen=True, slots=True)
class Advice:
    """One card, as it is kept; `reasons` can be written as JSON."""

    card: str
    outcome: str
    value: str
    grade: str
    edition: str
    summary: str
    reasons: Json


@dataclass(frozen=True, slots=True)
class Said:
    """Feedback on one card."""

    card: str
    service: str
    issuer: str
    outcome: str
    outcome_at: str
    accepted: Sequence[str] = ()
    reason: str = ""
    comment: str = ""

    @property
    def digest(self) -> str:
        """The same for the same feedback sent again."""
        said = [self.card, self.issuer, self.outcome, self.outcome_at, list(self.accepted), self.reason, self.comment]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class Store:
    """The records of advice in one database. Raises `AskedWrongly` where it cannot be opened."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.engine = _engine(address)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        try:
            migrate(self.engine)
        except SQLAlchemyError as error:
            raise AskedWrongly(f"the database of the records of advice cannot be opened: {_kind(error)}") from error

    def close(self) -> None:
        self.engine.dispose()

    def keep(self, asking: Asking, advice: Sequence[Advice]) -> None:
        """Keep an answer with its cards. Raises `NotKept`."""
        row = {
            "at": _now(), "hook_instance": asking.hook_instance, "service": asking.service, "issuer": asking.issuer,
            "patient": asking.patient, "who": asking.who, "on_day": asking.on_day, "digest": asking.digest,
            "resources": json.dumps(list(asking.resources)), "unseen": json.dumps(list(asking.unseen)),
            "cards": len(advice), "program": asking.program,
        }  # fmt: skip
        with self._writing(durable=False) as connection:
            made = connection.execute(_ADD_ASKED, row).inserted_primary_key
            if advice:
                number = made[0] if made is not None else None
                connection.execute(
                    _ADD_ADVICE,
                    [
                        {
                            "asked": number, "card": each.card, "patient": asking.patient, "outcome": each.outcome,
                            "value": each.value, "grade": each.grade, "edition": each.edition,
                            "summary": each.summary, "reasons": json.dumps(each.reasons),
                        }
                        for each in advice
                    ],
                )  # fmt: skip

    def say(self, said: Sequence[Said]) -> int:
        """Keep feedback, on the disk when this returns; gives how many were new. Raises `NotKept`."""
        new = 0
        with self._writing(durable=True) as connection:
            for each in said:
                row = {
                    "at": _now(), "card": each.card, "service": each.service, "issuer": each.issuer,
                    "outcome": each.outcome, "outcome_at": each.outcome_at,
                    "accepted": json.dumps(list(each.accepted)), "reason": each.reason, "comment": each.comment,
                    "digest": each.digest,
                }  # fmt: skip
                if self._add_once(connection, feedback_table, row):
                    new += 1
                    if each.outcome == OVERRIDDEN:
                        connection.execute(_NOTE_OVERRIDDEN, {"said": each.digest})
        return new

    def spend(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Note that a JWT was used; False where it was used before, by whichever server. Raises `NotKept`."""
        with self._writing(durable=False) as connection:
            connection.execute(delete(spent_table).where(spent_table.c.until < now))
            row = {"issuer": issuer, "jti": jti, "until": until}
            return self._add_once(connection, spent_table, row)

    def _add_once(self, connection: Connection, table: Table, row: Json) -> bool:
        """Add a row that may be there already; whether it was not."""
        insert = sqlite.insert if self.is_sqlite else postgresql.insert
        added = insert(table).values(row).on_conflict_do_nothing().returning(*table.primary_key.columns)
        return connection.execute(added).first() is not None

    def last_overrides(self, patient: str) -> dict[str, tuple[str, str]]:
        """Of each outcome of a patient that was passed over the last time: when, and the code of the reason.

        Raises `NotKept` where the database does not answer.
        """
        try:
            with self.engine.connect() as connection:
                found = connection.execute(_OVERRIDDEN_OF, {"patient": patient})
                return {outcome: (at, reason) for outcome, at, reason in found}
        except SQLAlchemyError as error:
            raise NotKept(_kind(error)) from error

    def by_rule(self) -> list[Json]:
        """How often each rule was advised, taken and passed over, and by which reasons."""
        shown = select(
            advice_table.c.outcome, advice_table.c.value, advice_table.c.edition,
            func.count().label("shown"), func.count(func.distinct(advice_table.c.patient)).label("patients"),
        ).group_by(advice_table.c.outcome, advice_table.c.value, advice_table.c.edition)  # fmt: skip
        joined = advice_table.join(feedback_table, feedback_table.c.card == advice_table.c.card)
        done = (
            select(
                advice_table.c.outcome, advice_table.c.value, advice_table.c.edition,
                feedback_table.c.outcome.label("done"), feedback_table.c.reason, func.count().label("times"),
            )
            .select_from(joined)
            .group_by(
                advice_table.c.outcome, advice_table.c.value, advice_table.c.edition, feedback_table.c.outcome,
                feedback_table.c.reason,
            )
        )  # fmt: skip
        with self.engine.connect() as connection:
            rules = {
                (row.outcome, row.value, row.edition): {
                    "outcome": row.outcome, "value": row.value, "edition": row.edition, "shown": row.shown,
                    "patients": row.patients, "accepted": 0, "overridden": 0, "reasons": {},
                }
                for row in connection.execute(shown)
            }  # fmt: skip
            for row in connection.execute(done):
                rule = rules[row.outcome, row.value, row.edition]
                rule[row.done] += row.times
                if row.done == "overridden":
                    reason = row.reason or "no reason given"
                    rule["reasons"][reason] = rule["reasons"].get(reason, 0) + row.times
        return sorted(rules.values(), key=lambda rule: (-rule["overridden"], -rule["shown"], rule["outcome"]))

    def promises(self, codes: Sequence[str]) -> list[Json]:
        """Overrides that promised something, with whether it was kept: what the last answer on the patient says.

        `kept` is "yes" where a later answer no longer says it, "no" where it still does, "not seen again" where nobody
        asked since.
        """
        joined = advice_table.join(feedback_table, feedback_table.c.card == advice_table.c.card)
        asked = (
            select(
                advice_table.c.asked, advice_table.c.patient, advice_table.c.outcome, advice_table.c.summary,
                feedback_table.c.at, feedback_table.c.reason,
            )
            .select_from(joined)
            .where(feedback_table.c.outcome == "overridden", feedback_table.c.reason.in_(list(codes)))
            .order_by(feedback_table.c.id.desc())
            .limit(MOST_ROWS)
        )  # fmt: skip
        told = []
        with self.engine.connect() as connection:
            for row in connection.execute(asked).all():
                later = select(func.max(asked_table.c.id)).where(
                    asked_table.c.patient == row.patient, asked_table.c.id > row.asked, asked_table.c.at > row.at
                )
                last = connection.execute(later).scalar()
                again = None
                if last is not None:
                    again = connection.execute(
                        select(advice_table.c.id).where(
                            advice_table.c.asked == last, advice_table.c.outcome == row.outcome
                        )
                    ).first()
                kept = "not seen again" if last is None else "no" if again is not None else "yes"
                told.append({
                    "patient": row.patient, "outcome": row.outcome, "said": row.at, "reason": row.reason,
                    "summary": row.summary, "kept": kept,
                })  # fmt: skip
        return told

    def answers(self, after: int = 0, most: int = 1000) -> list[Json]:
        """Answers in their order, those after an id, each with its cards and their feedback."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(asked_table).where(asked_table.c.id > after).order_by(asked_table.c.id).limit(most)
            ).mappings().all()  # fmt: skip
            answers = {row["id"]: {**row, "resources": json.loads(row["resources"]), "advice": []} for row in rows}
            cards: dict[str, Json] = {}
            for row in connection.execute(
                select(advice_table).where(advice_table.c.asked.in_(list(answers)))
            ).mappings():
                card = {**row, "reasons": json.loads(row["reasons"]), "feedback": []}
                cards[row["card"]] = card
                answers[row["asked"]]["advice"].append(card)
            names = list(cards)
            for start in range(0, len(names), 500):
                part = feedback_table.c.card.in_(names[start : start + 500])
                for row in connection.execute(select(feedback_table).where(part)).mappings():
                    cards[row["card"]]["feedback"].append(dict(row))
        return list(answers.values())

    def is_usable(self) -> bool:
        """Whether the database answers."""
        try:
            with self.engine.connect() as connection:
                connection.execute(select(asked_table.c.id).limit(1))
        except SQLAlchemyError:
            return False
        return True

    @contextmanager
    def _writing(self, *, durable: bool) -> Iterator[Connection]:
        """A transaction that ends on the disk, or need not wait for it. Raises `NotKept`."""
        try:
            with self.engine.connect() as connection:
                if self.is_sqlite:
                    if connection.info.get(_DURABLE) is not durable:  # a connection keeps what it was told
                        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                        connection.exec_driver_sql(f"PRAGMA busy_timeout={WAITS_MS if durable else ADVICE_WAITS_MS}")
                        connection.info[_DURABLE] = durable
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                elif not durable:
                    connection.execute(text("SET LOCAL synchronous_commit TO OFF"))
                yield connection
                connection.commit()
        except SQLAlchemyError as error:
            raise NotKept(_kind(error)) from error


def default_address() -> str:
    """The database in the folder of the user's data, which is made where it is missing."""
    from platformdirs import user_data_path

    folder = user_data_path("her2path")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise AskedWrongly(f"{folder} cannot be made: name a place by [advice] database") from error
    return f"sqlite:///{folder / 'advice.db'}"


def _engine(address: str) -> Engine:
    try:
        url = make_url(address)
        if url.get_backend_name() == "postgresql" and "+" not in url.drivername:
            url = url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() not in ("sqlite", "postgresql"):
            raise AskedWrongly("the records of advice are kept in SQLite or PostgreSQL: see [advice] database")
        if url.get_backend_name() == "sqlite":
            if url.database in (None, "", ":memory:"):
                raise AskedWrongly("[advice] database names no file: write sqlite:////var/lib/her2path/advice.db")
            Path(str(url.database)).touch(mode=0o600)
        engine = create_engine(url, pool_pre_ping=url.get_backend_name() == "postgresql")
    except ModuleNotFoundError as error:
        raise AskedWrongly(f"PostgreSQL needs {error.name}: pip install 'her2path[postgresql]'") from error
    except (ArgumentError, OSError) as error:
        raise AskedWrongly(f"[advice] database cannot be used: {type(error).__name__}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepared)
    return engine


def _prepared(connection: Any, _: Any) -> None:
    """SQLite with its log written ahead; transactions are begun by us."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={WAITS_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _kind(error: SQLAlchemyError) -> str:
    """The kind of a fault of a database; its words may quote what was to be written."""
    below = getattr(error, "orig", None)
    name = getattr(below, "sqlite_errorname", "") or getattr(below, "sqlstate", "") or ""
    return " ".join(filter(None, (type(below or error).__name__, str(name))))


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
