"""The tables of the records of advice, and how a database comes from an older version to this one.

Rows are only added: the database itself refuses to change or delete one. Only the spent JWTs go when they have ended.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Index,
    Insert,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    text,
)  # fmt: skip

from ...facts.problem import AskedWrongly

metadata = MetaData()
version_table = Table("her2path_version", metadata, Column("version", Integer, primary_key=True))
asked_table = Table(
    "asked", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("hook_instance", String(200), nullable=False),
    Column("service", String(100), nullable=False),
    Column("issuer", String(1000), nullable=False),
    Column("patient", String(64), nullable=False),
    Column("who", String(1000), nullable=False),
    Column("on_day", String(10), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("resources", Text, nullable=False),
    Column("unseen", Text, nullable=False),
    Column("cards", Integer, nullable=False),
    Column("program", String(64), nullable=False),
    Index("asked_patient", "patient", "id"),
)  # fmt: skip
"""Every answer, also one without cards: for whom, to whom, on which data (digest and ids), what nobody looked at."""
advice_table = Table(
    "advice", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("asked", Integer, ForeignKey("asked.id"), nullable=False),
    Column("card", String(200), nullable=False, unique=True),
    Column("patient", String(64), nullable=False),
    Column("outcome", String(200), nullable=False),
    Column("value", String(200), nullable=False),
    Column("grade", String(20), nullable=False),
    Column("edition", String(200), nullable=False),
    Column("summary", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Index("advice_outcome", "patient", "outcome", "id"),
)  # fmt: skip
"""Every card: what it said, by which edition; `reasons` is JSON with rows, sources, facts, resources and offers."""
feedback_table = Table(
    "feedback", metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("card", String(200), nullable=False),
    Column("service", String(100), nullable=False),
    Column("issuer", String(1000), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("outcome_at", String(40), nullable=False),
    Column("accepted", Text, nullable=False),
    Column("reason", String(1000), nullable=False),
    Column("comment", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    UniqueConstraint("digest", name="feedback_once"),
    Index("feedback_card", "card"),
)  # fmt: skip
"""What was done with cards. The same said twice stands once."""
spent_table = Table(
    "spent", metadata,
    Column("issuer", String(1000), primary_key=True),
    Column("jti", String(200), primary_key=True),
    Column("until", Float, nullable=False),
    Index("spent_until", "until"),
)  # fmt: skip
"""JWTs that were used, until they have ended."""
overridden_table = Table(
    "overridden", metadata,
    Column("feedback", Integer, ForeignKey("feedback.id"), primary_key=True, autoincrement=False),
    Column("patient", String(64), nullable=False),
    Column("outcome", String(200), nullable=False),
    Column("at", String(32), nullable=False),
    Column("reason", String(1000), nullable=False),
    Index("overridden_patient", "patient", "feedback"),
)  # fmt: skip
"""Feedback that passed a card over, by patient: each answer asks for it, however much was advised before."""
OVERRIDDEN = "overridden"
"""The outcome of such feedback."""
KEPT = ("asked", "advice", "feedback")
"""The tables of the first version to which rows are only added."""
LOCK = 0x68657232
"""The number of the lock under which one server at a time changes the tables of PostgreSQL."""


def _first(connection: Connection) -> None:
    for table in (asked_table, advice_table, feedback_table, spent_table):
        table.create(connection)
    if connection.dialect.name == "postgresql":
        connection.execute(text(
            "CREATE FUNCTION her2path_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'rows of % are only added', TG_TABLE_NAME; END $$"
        ))  # fmt: skip
    for name in KEPT:
        _only_added(connection, name)


def _only_added(connection: Connection, name: str) -> None:
    """Let the database refuse to change or delete a row of a table."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(
            f"CREATE TRIGGER {name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION her2path_append_only()"
        ))  # fmt: skip
        return
    for act in ("UPDATE", "DELETE"):
        connection.execute(text(
            f"CREATE TRIGGER {name}_no_{act.lower()} BEFORE {act} ON {name} "
            f"BEGIN SELECT RAISE(ABORT, 'rows of {name} are only added'); END"
        ))  # fmt: skip


def note_overridden(which: ColumnElement[bool] | None = None) -> Insert:
    """What adds feedback that passed a card over, by patient; `which` says of which feedback, `None` of all."""
    columns = (
        feedback_table.c.id, advice_table.c.patient, advice_table.c.outcome, feedback_table.c.at,
        feedback_table.c.reason,
    )  # fmt: skip
    found = select(*columns).join_from(feedback_table, advice_table, feedback_table.c.card == advice_table.c.card)
    found = found.where(feedback_table.c.outcome == OVERRIDDEN)
    names = [column.name for column in overridden_table.columns]
    return insert(overridden_table).from_select(names, found if which is None else found.where(which))


def _second(connection: Connection) -> None:
    overridden_table.create(connection)
    connection.execute(note_overridden())
    _only_added(connection, overridden_table.name)


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_first, _second)
"""What makes each version of the one before it. One that was released is never changed; a new one is added."""


def migrate(engine: Engine) -> int:
    """Bring a database to this version; gives the version that it had.

    One server at a time does it, and all or nothing. Raises `AskedWrongly` where it was written by a newer program.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": LOCK})
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        version = 0
        if inspect(connection).has_table(version_table.name):
            version = max((row[0] for row in connection.execute(select(version_table.c.version))), default=0)
        else:
            version_table.create(connection)
        if version > len(MIGRATIONS):
            raise AskedWrongly(
                f"the records of advice are of version {version}, and this program knows {len(MIGRATIONS)}: "
                "a newer her2path wrote them; run that one"
            )
        for number, change in enumerate(MIGRATIONS[version:], start=version + 1):
            change(connection)
            connection.execute(version_table.insert().values(version=number))
        connection.commit()
    return version
