"""Writes anew what the pages show of commands: `python docs/make_shown.py`.

A block that begins with a command and shows all that it prints is written anew. One that leaves lines out (`...`) is
kept where each of its lines is still printed, and told where one is not; blocks of simulations and of records that
stand elsewhere are left alone.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner

from her2path.cli.group import main

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```text\n\$ (her2path (?:[^\n]*\\\n)*[^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def printed(command: str) -> str:
    """What a command prints."""
    return CliRunner().invoke(main, shlex.split(re.sub(r"\\\n\s*", "", command))[1:]).output


def written_anew(page: Path) -> list[str]:
    """Write the blocks of a page anew; gives the lines of others that are not printed any more."""
    faults: list[str] = []

    def block(match: re.Match[str]) -> str:
        command, lines = match[1], match[2]
        if " simulate " in command or ("examples/" not in command and " review " in command):
            return match[0]
        output = printed(command).rstrip("\n") + "\n"
        shown = lines.splitlines()
        if not any(line.strip() == "..." for line in shown):
            return f"```text\n$ {command}\n{output}```"
        left = iter(output.splitlines())
        faults.extend(
            f"{page.name}: {command}: {line}" for line in shown if line.strip() != "..." and line not in left
        )  # fmt: skip
        return match[0]

    page.write_text(BLOCK.sub(block, page.read_text(encoding="utf-8")), encoding="utf-8")
    return faults


if __name__ == "__main__":
    import os

    os.chdir(ROOT)
    told = [fault for page in PAGES for fault in written_anew(page)]
    print("\n".join(told))
    sys.exit(bool(told))
