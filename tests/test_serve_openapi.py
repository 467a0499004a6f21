"""Our own OpenAPI against the server: what it promises is kept, whatever is sent (schemathesis)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

schemathesis = pytest.importorskip("schemathesis")
create_app = pytest.importorskip("her2path.serve.app").create_app

from schemathesis.specs.openapi.checks import positive_data_acceptance  # noqa: E402

from her2path.serve.configuration import read_configuration  # noqa: E402
from hooks_makers import on, ordered, prefetch_of, request, resources_of  # noqa: E402
from served import free_port, in_thread  # noqa: E402


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("openapi")
    path, port = folder / "serve.toml", free_port()
    database = f'[advice]\ndatabase = "sqlite:///{folder / "a.db"}"\n'
    path.write_text(f"{database}[limits]\nrequests_per_minute = 1000000\n", encoding="utf-8")
    app = create_app(read_configuration(path, {}, port=port), day=on("2026-01-19"))
    with in_thread(app, port) as base:
        yield schemathesis.openapi.from_url(f"{base}/openapi.json")


@pytest.mark.parametrize("mode", ["POSITIVE", "NEGATIVE"])
def test_every_answer_is_one_that_is_described(described: Any, mode: str) -> None:
    """Messages that are of the schema, and messages that are not, to every endpoint."""
    tried = 0
    for found in described.get_all_operations():
        operation = found.ok()
        if mode == "NEGATIVE" and not (operation.body or operation.query or operation.path_parameters):
            continue  # nothing of it can be wrong
        cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])

        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=cases)
        def holds(case: Any) -> None:
            # That a hook is the one of its service, and has what it needs, no schema says: 400 and 412 are right.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        holds()
        tried += 1
    assert tried >= 3


def test_a_worked_request_is_of_the_schema(described: Any) -> None:
    operation = described["/cds-services/{service}"]["POST"]
    prefetch = prefetch_of(resources_of("adjuvant-hold", "2026-01-05"))
    asked = request("order-sign", "adjuvant-hold", prefetch, ordered("trastuzumab", 420))
    case = operation.Case(path_parameters={"service": "her2path-order-sign"}, body=asked, media_type="application/json")
    answer = case.call_and_validate()
    assert answer.status_code == 200
    assert answer.json()["cards"]
