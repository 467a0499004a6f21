"""The command `her2path`: the group of commands, each imported when it is called; and how a command ends.

Exit codes: 0 done; 1 knowledge that does not hold (`check`), or nothing at all could be read
(`review`, `decide`); 2 asked wrongly (an unknown fact, edition, table or file; a place that cannot be
written); 3 done, though some of the input could not be read (each told on standard error and in the output);
4 broken off by a fault (of her2path, of memory, of a process that was ended from outside); 128 and the
number of the signal where one ended the command (130 Ctrl-C, 143 SIGTERM, 141 nobody reads the output).
Of a command that ends with 2, 4 or more, every output is whole or as it was.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from ..facts.problem import ASKED_WRONGLY, BROKEN_OFF, DOES_NOT_HOLD, DONE, AskedWrongly, BrokenOff, KnowledgeError
from ..write.interrupt import asked_to_end, heeding, require_going_on
from ..write.plain import plain, plain_lines
from ..write.text.page import PAGE_WIDTH, page_width_for, set_page_width
from .lazy import LazyGroup, Place
from .manners.colour import colour_asked, with_colour_first
from .manners.meant import say_nearest

BY_A_SIGNAL = 128
SIGINT, SIGPIPE = 2, 13
INTERRUPTED = "interrupted; every output is whole or as it was"
COMPLETE = "_HER2PATH_COMPLETE"
"""The environment variable with which a shell asks what may come next; the words so far are lines of standard input."""
TRACEBACK = "HER2PATH_TRACEBACK"
"""The environment variable with which a fault of her2path is told with all its lines of code."""


class Commands(LazyGroup):
    """A group of commands that turns whatever ends a command into a message and an exit code."""

    def main(self, *arguments: Any, standalone_mode: bool = True, **options: Any) -> Any:
        """Run a command; by itself it ends the process with its exit code."""
        run: Any = super().main
        if not standalone_mode:
            return run(*arguments, standalone_mode=False, **options)
        if asked := os.environ.pop(COMPLETE, ""):
            from .manners.completion import answer

            click.echo(answer(self, sys.stdin.read().split("\n")[:-1], not asked.startswith("bash")), nl=False)
            sys.exit(DONE)
        _keep_streams()
        with heeding():
            code = _flushed(_ended(lambda: run(*arguments, standalone_mode=False, **options)))
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        set_page_width(page_width_for(os.environ.get("COLUMNS"), _columns_of(sys.stdout)))
        # A review multiplies no matrices: the threads that NumPy's library would start only cost time.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        # What is imported and read stays: the collector need not walk it again and again while it grows.
        gc.set_threshold(50_000, 20, 20)
        with _telling_pipe(), _WithoutPandas():
            return super().invoke(ctx)

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **options: Any) -> click.Context:
        with _telling_pipe():
            return super().make_context(info_name, with_colour_first(args), *others, **options)


class _WithoutPandas:
    """Arrow imports pandas, where it is installed, as soon as it makes an array: half a second that no command needs.

    Whoever imports it by name, such as a format from outside, gets it.
    """

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Refuse pandas where nobody but Arrow asks; everything else is left to the other finders."""
        if name != "pandas":
            return
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("importlib."):
            frame = frame.f_back
        if frame.f_globals.get("__name__", "").split(".")[0] in ("her2path", "pyarrow"):
            raise ModuleNotFoundError("pandas is not used by the commands", name=name)


@contextlib.contextmanager
def _telling_pipe() -> Iterator[None]:
    """End with the number of the signal where nobody reads the output any more; click would end with 1."""
    try:
        yield
    except BrokenPipeError as error:
        raise SystemExit(BY_A_SIGNAL + SIGPIPE) from error


def _ended(run: Callable[[], Any]) -> int:
    """Run a command; how it ended, told on standard error where that is no good end."""
    try:
        code = run()
        require_going_on()
    except SystemExit as ending:
        code = ending.code
    except click.ClickException as wrong:
        say_nearest(wrong)
        wrong.show()
        code = wrong.exit_code
    except AskedWrongly as wrong:
        code = _told(str(wrong), ASKED_WRONGLY)
    except KnowledgeError as faulty:
        for problem in faulty.problems:
            click.echo(plain_lines(str(problem).split("\n")), err=True)
        code = DOES_NOT_HOLD
    except BrokenOff as fault:
        code = _told(str(fault), BROKEN_OFF)
    except (KeyboardInterrupt, click.Abort):
        code = BY_A_SIGNAL + (asked_to_end() or SIGINT)
        _told(INTERRUPTED, code)
    except MemoryError:
        code = _told("memory ran out; nothing was written", BROKEN_OFF)
    except OSError as error:
        place = error.filename if error.filename is not None else "standard output or a temporary file"
        code = _told(f"{place}: it cannot be read or written: {error.strerror or error}", ASKED_WRONGLY)
    except Exception as fault:
        code = _told(INTERRUPTED if asked_to_end() is not None else _words_of(fault), BROKEN_OFF)
    if asked_to_end() is not None:  # also where what its handler raised was lost on the way
        return BY_A_SIGNAL + (asked_to_end() or SIGINT)
    return code if isinstance(code, int) else DONE if code is None else DOES_NOT_HOLD


def _told(words: str, code: int) -> int:
    click.echo(f"her2path: {plain(words)}", err=True)
    return code


def _words_of(fault: Exception) -> str:
    """A fault of her2path in one line that quotes no record: its kind and its place in the code."""
    if os.environ.get(TRACEBACK, "no") == "yes":
        traceback.print_exception(fault)
    frames = [each for each in traceback.extract_tb(fault.__traceback__) if "her2path" in each.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"
    return (
        f"broken off by a fault of her2path ({type(fault).__name__} at {place}); nothing was written. "
        f"Please report it; with {TRACEBACK}=yes it is told in full"
    )


def _columns_of(stream: Any) -> int | None:
    """How wide the terminal is that a stream goes to; `None` where it goes to none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or PAGE_WIDTH if stream.isatty() else None
    except (AttributeError, ValueError, OSError):  # closed, none at all, or one that does not say
        return None


def _flushed(code: int) -> int:
    """Write out what waits for standard output; a fault that comes only now is told, and ends the command so."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        code = BY_A_SIGNAL + SIGPIPE
        _silence_stdout()
    except OSError as error:
        code = _told(f"standard output cannot be written: {error.strerror or error}", ASKED_WRONGLY)
        _silence_stdout()
    except KeyboardInterrupt:
        code = BY_A_SIGNAL + (asked_to_end() or SIGINT)
    else:
        if code == BY_A_SIGNAL + SIGPIPE:
            _silence_stdout()
    return code


def _silence_stdout() -> None:
    """What still waits goes nowhere, so that Python does not try it again when it ends."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class _Forgiving(io.TextIOWrapper):
    """Standard error that nobody can read ends no review."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().flush()


def _keep_streams() -> None:
    """Make the standard streams such that none of them ends a command where it need not.

    Closed ones are opened anew, so that no file of ours takes their number: standard error goes nowhere, to standard
    output nothing can be written. A name that the terminal has no signs for is written escaped; into a file or a pipe
    all is UTF-8, whatever the locale, as JSON and NDJSON must be.
    """
    for number, way in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, way)  # takes the lowest free number, which is this one
                os.set_inheritable(opened, True)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    elif sys.stdout is sys.__stdout__:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            out: Any = sys.stdout
            out.reconfigure(encoding=out.encoding if out.isatty() else "utf-8", errors="backslashreplace")
    if sys.stderr is None:
        binary = open(2, "wb", closefd=False)  # noqa: SIM115
        sys.stderr = _Forgiving(binary, "utf-8", "backslashreplace", line_buffering=True)
    elif sys.stderr is sys.__stderr__:
        with contextlib.suppress(AttributeError, ValueError, OSError):
            told: Any = sys.stderr
            told.flush()
            binary = open(told.fileno(), "wb", closefd=False)  # noqa: SIM115
            sys.stderr = _Forgiving(binary, told.encoding, "backslashreplace", line_buffering=True)


PLACES = {
    "review": Place("review", "Review every patient of a file or folder, with the plan."),
    "inspect": Place("inspect", "What a feed holds, and what of it is not recognised."),
    "cohort": Place("population.cohort", "Review a whole population into a folder of tables."),
    "measure": Place("population.measure", "Measures of quality over a population."),
    "editions": Place("population.editions", "A population under several editions: the flow, and who changes."),
    "report": Place("population.report", "One page over a population: every measure, and who is behind it."),
    "decide": Place("decide", "Decide one outcome for a patient, or for every row of a file."),
    "dose": Place("answers", "The next dose of a product: mg, vials, volume, minutes, and why."),
    "lvef": Place("answers", "What an LVEF says of the next dose: go on, hold, stop."),
    "her2": Place("answers", "What IHC and ISH say, and what the result carries."),
    "washout": Place("answers", "Until when contraception is needed after the last dose."),
    "substitute": Place("answers", "What in stock may be given for what was ordered."),
    "show": Place("knowledge", "Show a table with its sources, a fact, or all editions."),
    "diff": Place("own_rules", "Every situation in which two editions disagree, and who changes."),
    "new-edition": Place("own_rules", "A copy of an edition to begin your own with."),
    "completion": Place("manners.completion", "The script that lets a shell complete commands and names."),
    "check": Place("knowledge", "Prove the tables and run their worked cases."),
    "coverage": Place("knowledge", "What is carried by which tables, verified how far."),
    "simulate": Place("simulators", "Simulate exposure, heart, tumour, courses and trials."),
    "serve": Place("serve", "Serve pages of patients, and CDS Hooks to record systems."),
    "equivalence": Place("simulate.equivalence", "Is it equivalent? The published trials, or one of your own."),
}
"""All commands, in the order of use."""


SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": PAGE_WIDTH}


def _tell_version(ctx: click.Context, _param: click.Parameter, asked: bool) -> None:
    """Print the version and end; looked up only here, since that takes longer than all other help."""
    if asked and not ctx.resilient_parsing:
        from .. import __version__

        click.echo(f"her2path, version {__version__}")
        ctx.exit()


@click.group("her2path", cls=Commands, places=PLACES, context_settings=SETTINGS)
@colour_asked
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_tell_version,
    help="Show the version and exit.",
)  # fmt: skip
def main() -> None:
    """Trastuzumab therapy, computable: from the HER2 test to the last day of the drug, with row and source.

    No clinician has reviewed the rules yet, and this is not a medical device: it supports decisions.
    """
