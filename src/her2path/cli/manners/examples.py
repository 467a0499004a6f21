"""Examples of each command: what its help ends with, and the page of the commands has. Tests run them."""

from __future__ import annotations

EXAMPLES: dict[str, str] = {
    "review": """
        her2path review examples/her2-tests.ndjson
        her2path review examples/courses/adjuvant-hold.csv --on 2026-02-03 --jurisdiction eu
        her2path review bundles/ --settings site.toml --format json -o reviews.json
        her2path review events.parquet -o findings.parquet
        her2path review examples/courses/adjuvant-hold.csv --on 2026-02-17 --what-if lvef=48
        her2path review examples/courses/adjuvant-hold.csv --print -o plan.html
        her2path review labs.csv 'fhir/*.ndjson' --on today --carry hospital -o findings.csv
    """,
    "inspect": """
        her2path inspect examples/feeds/local-codes.ndjson --on 2025-10-20
        her2path inspect examples/feeds/local-codes.ndjson --mapping starter.toml
        her2path inspect examples/feeds/local-codes.ndjson --settings examples/feeds/local-codes.toml
    """,
    "decide": """
        her2path decide missed_dose_action --fact product=herceptin --fact days_since_last_dose=29 --jurisdiction us
        her2path decide her2_status --fact ihc_score=2+ --fact her2_copies=3.1 --edition asco-cap-2018
        her2path decide her2_status tests.csv --column ihc_score=IHC -o decided.csv
    """,
    "diff": """
        her2path diff residual-disease-us-2019 residual-disease-us-2026
        her2path diff heart-trastuzumab-us examples/policies/heart-fall-10.md
        her2path diff heart-trastuzumab-us examples/policies/heart-fall-10.md --patients events.parquet --on 2026-02-17
    """,
    "new-edition": """
        her2path new-edition heart-trastuzumab-us heart-our-house -o mine.md
    """,
    "show": """
        her2path show
        her2path show cardiac_action
        her2path show lvef_fall
        her2path show facts
    """,
    "cohort": """
        her2path cohort examples/her2-tests.ndjson -o hospital --on 2026-02-17
        her2path cohort events.parquet -o hospital --settings site.toml
        her2path cohort labs.csv -o hospital --carry hospital --editions asco-cap-2013,asco-cap-2018,asco-cap-2023
    """,
    "editions": """
        her2path editions hospital
        her2path editions hospital asco-cap-2013 asco-cap-2018 -o flow.svg
        her2path editions hospital --who
    """,
    "report": """
        her2path report hospital -o report.html
        her2path report hospital --by year --suppress 11 -o report.html
    """,
    "measure": """
        her2path measure --list
        her2path measure hospital lvef-baseline --by year
        her2path measure hospital lvef-baseline --who "not met"
    """,
    "dose": """
        her2path dose herceptin --weight 72 --days-since 45
        her2path dose ogivri --weight 72 --first
        her2path dose kadcyla --weight 65 --last-dose 2026-11-02 --level 1
        her2path dose herceptin --weight 72 --days-since 21 --after phesgo
    """,
    "lvef": """
        her2path lvef --baseline 62 --now 48
        her2path lvef --baseline 61 --now 52 --weeks-below 5 --holds 1 --no-heart-failure
    """,
    "her2": """
        her2path her2 --ihc 2+ --ratio 1.9 --copies 4.5
        her2path her2 --site gastric --ihc 2+ --ratio 2.1
    """,
    "washout": """
        her2path washout --last-dose 2026-02-17
        her2path washout herceptin perjeta --conception 2027-01-15 --sex female
    """,
    "substitute": """
        her2path substitute --ordered ogivri --stock kanjinti,herceptin-hylecta --jurisdiction us
        her2path substitute --ordered perjeta --stock poherdy --not-as-written
    """,
    "serve": """
        her2path serve
        her2path serve examples/ward.csv --on 2026-03-03
        her2path serve --configuration serve.toml --settings site.toml
    """,
    "completion": """
        her2path completion bash > ~/.local/share/bash-completion/completions/her2path
        her2path completion zsh > ~/.zfunc/_her2path
        her2path completion fish > ~/.config/fish/completions/her2path.fish
    """,
    "coverage": """
        her2path coverage
        her2path coverage -o docs/coverage.md
        her2path coverage --labels
    """,
    "check": """
        her2path check
        her2path check examples/policies/heart-fall-10.md
    """,
    "simulate exposure": """
        her2path simulate exposure --population gastric --virtual-patients 500 --chart exposure.png
        her2path simulate exposure --delay 14 --reload no
        her2path simulate exposure --record examples/courses/late-dose.csv --patient late-dose --on 2026-03-30
    """,
    "simulate heart": """
        her2path simulate heart --chemotherapy epirubicin --chart lvef.png
        her2path simulate heart --trials
    """,
    "simulate tumour": """
        her2path simulate tumour --ihc 2+ --drug t-dxd --chart tumour.png
        her2path simulate tumour --terms
    """,
    "simulate course": """
        her2path simulate course --policy examples/policies/every-3-months.toml --policy examples/policies/every-6-months.toml
        her2path simulate course --virtual-patients 500 --records events.parquet --mess light
    """,
    "simulate trial": """
        her2path simulate trial --endpoint response --power 0.8
    """,
    "simulate truth": """
        her2path simulate truth
    """,
    "equivalence": """
        her2path equivalence --chart forest.png
        her2path equivalence responses.csv --reference herceptin --scale difference --margin -15 15
    """,
}
"""By the command's name without `her2path`; a line each."""

OF_GROUPS: dict[str, str] = {
    "her2path": """
        her2path review examples/courses/adjuvant-hold.csv --on 2026-02-03
        her2path decide her2_status --fact ihc_score=2+ --fact her2_copies=3.1
        her2path show cardiac_action
        her2path COMMAND --help
    """,
    "simulate": """
        her2path simulate exposure --delay 14 --reload no
        her2path simulate heart --chart lvef.png
        her2path simulate COMMAND --help
    """,
}
"""The same of groups, by their names."""
