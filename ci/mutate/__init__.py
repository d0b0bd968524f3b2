# SPDX-License-Identifier: Apache-2.0
"""Defects on demand: `make mutate`. See docs/mutate.md.

Small legal defects are made in the RTL on its syntax tree, many in one model, and the simulation
tests of the default regression run on each. A defect that no test notices must be explained in
ci/mutate_survivors.toml.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from switchproof.ci import evidence, tools, ui, variables
from switchproof.ci.paths import BUILD, ROOT, RTL, shown
from switchproof.ci.variables import UserError

#: What score makes the target fail.
THRESHOLD = 90.0
DEFAULT_MUTANTS = 80
DUT = ROOT / "tb" / "duts" / "sp_switch_core.toml"
#: Instances of this configuration say which code is there and how wide it is.
CONFIG = "dev4"
#: Sources with defects. They stay the same as long as seed, number and RTL do, and so do builds.
OVERLAY = BUILD / "mutate"
COLUMN = 46


def main(argv: list[str]) -> int:
    """Run a campaign; return 1 when too few defects are noticed or one is not explained."""
    if argv:
        raise UserError(f"mutate takes no arguments but variables: {' '.join(argv)}")
    try:
        from switchproof.ci.mutate import campaign, choose, design, rewrite, survivors
    except ImportError as error:
        raise UserError(f"make mutate needs pyslang and pytest: {error}") from None
    from switchproof.models import profiles
    from switchproof.tb import description

    console = ui.console()
    seed = variables.seed(_variable("SEED", "1"))
    count = variables.whole_number("MUTANTS", _variable("MUTANTS", str(DEFAULT_MUTANTS)), 1, 5000)
    single = _variable("MUTANT")
    jobs = variables.job_count(_variable("JOBS"))
    begin = time.monotonic()

    try:
        known = survivors.load()
        dut = description.load(DUT)
        parameters = dut.values(profiles.get(CONFIG))
        original = design.Design(dut.sources, dut.module, parameters)
        table = choose.universe(original, choose.files(RTL, dut.sources))
        weights = {block: weight for block, (_, weight) in choose.BLOCKS.items()}
        if single:
            last = variables.whole_number("MUTANT", single, 1, 100_000)
            count = max(count, last)
        chosen = choose.choose(
            original, table, weights, seed, count, dut.module, parameters, OVERLAY / "check"
        )
        mutants = chosen.mutants
    except (design.DesignError, survivors.SurvivorsError) as error:
        raise UserError(str(error)) from None
    keys = {mutant.id: survivors.key(original, mutant.point) for mutant in mutants}
    ui.line(
        console,
        f"{len(mutants)} of {chosen.universe} possible defects, seed {seed}"
        + (f"; {len(chosen.dropped)} more are not legal or change nothing" * bool(chosen.dropped)),
    )
    possible = [survivors.key(original, point) for found in table.values() for point in found]
    for entry in survivors.stale(known.values(), possible):
        ui.line(
            console,
            f"{shown(survivors.FILE)} explains what cannot be made (any more): "
            f"{entry.key.file}: {entry.key.before} -> {entry.key.after}",
            "yellow",
        )

    overlay = _write(rewrite.sources(original, mutants), rewrite.PACKAGE_TEXT)
    package = OVERLAY / "rtl" / f"{rewrite.PACKAGE}.sv"
    if single:
        mutants = [mutant for mutant in mutants if mutant.id == int(single)]
        if not mutants:
            raise UserError(f"MUTANT={single}: {chosen.dropped.get(int(single), 'there is none')}")
    ui.line(console, "building the model with all defects in it")
    try:
        noted = campaign.record(overlay, package, test=_variable("TEST"), seed=None)
        ui.line(console, f"running {len(noted)} tests without a defect")
        tests, failed = _baseline(console, campaign, noted, jobs)
        verdicts = _run(console, campaign, original, mutants, tests, jobs, keep=bool(single))
    except campaign.CampaignError as error:
        ui.line(console, f"FAIL  {error}", "bold red")
        return 1

    rows = [_row(original, v, keys[v.mutant.id], known, seed) for v in verdicts]
    same = {row["id"] for row in rows if row["status"] == "equivalent"}
    total = campaign.tally(verdicts, same)
    blocks = {
        block: campaign.tally([v for v in verdicts if v.mutant.block == block], same)
        for block in choose.BLOCKS
        if any(v.mutant.block == block for v in verdicts)
    }
    operators = sorted({v.mutant.point.operator for v in verdicts})
    by_operator = {
        name: campaign.tally([v for v in verdicts if v.mutant.point.operator == name], same)
        for name in operators
    }
    alive = [row for row in rows if not row["killed"]]
    data: dict[str, Any] = {
        **total,
        "noticed_percent": round(100.0 * total["killed"] / len(verdicts), 2),
        "threshold": THRESHOLD,
        "seed": seed,
        "seconds": round(time.monotonic() - begin, 1),
        "by_block": blocks,
        "by_operator": by_operator,
        "survivors": alive,
        "all": rows,
        "tests": [{"name": t.test, "seconds": round(t.seconds, 2)} for t in tests],
        "failed_without_defect": failed,
        "tools": tools.versions(),
        "commit": tools.commit(),
    }
    path = evidence.write("mutate" if not single else "mutate-one", data)
    return _closing(console, data, path, single=bool(single))


def _variable(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def _write(texts: dict[Path, str], package: str) -> dict[Path, Path]:
    """Write the sources with defects; return what stands in for what."""
    folder = OVERLAY / "rtl"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "sp_mutant_pkg.sv").write_text(package)
    overlay = {}
    for source, text in texts.items():
        overlay[source] = folder / source.name
        overlay[source].write_text(text, encoding="latin-1")
    return overlay


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _baseline(
    console: Console, campaign: Any, noted: list[Any], jobs: int
) -> tuple[list[Any], list[str]]:
    with _bar(console) as bar:
        task = bar.add_task("without a defect", total=len(noted))

        def show(item: Any, how: str) -> None:
            bar.advance(task)
            word = "FAIL" if how else "slow" if item.seconds > campaign.SLOW else "pass"
            ui.line(console, f"   {word} {item.seconds:6.1f} s  {item.test}")

        found: tuple[list[Any], list[str]] = campaign.baseline(noted, jobs, show)
    return found


def _run(
    console: Console,
    campaign: Any,
    original: Any,
    mutants: list[Any],
    tests: list[Any],
    jobs: int,
    *,
    keep: bool,
) -> list[Any]:
    done = 0
    width = len(str(len(mutants)))
    with _bar(console) as bar:
        task = bar.add_task("defects", total=len(mutants))

        def show(verdict: Any) -> None:
            nonlocal done
            done += 1
            bar.advance(task)
            mutant = verdict.mutant
            point = mutant.point
            line = original.line(point.path, point.start)
            where = f"{point.path.name}:{line}"
            word = "noticed" if verdict.killed else "ALIVE  "
            by = f"by {verdict.test}" if verdict.killed else _change(original, point)
            ui.line(
                console,
                f"{done:>{width}}/{len(mutants)} {word} {verdict.seconds:6.1f} s  #{mutant.id:<4} "
                f"{point.operator:<10} {where:<28} {by}",
                "" if verdict.killed else "yellow",
            )

        found: list[Any] = campaign.run(mutants, tests, jobs, show, keep=keep)
    return found


def _change(original: Any, point: Any) -> str:
    from switchproof.ci.mutate.rewrite import one_line

    before = one_line(original.texts[point.path][point.start : point.end])
    return f"{_short(before)} -> {_short(one_line(point.after)) or '(nothing)'}"


def _short(text: str) -> str:
    return text if len(text) <= COLUMN else text[: COLUMN - 3] + "..."


def _row(original: Any, verdict: Any, key: Any, known: Any, seed: int) -> dict[str, Any]:
    mutant = verdict.mutant
    point = mutant.point
    entry = known.get(key)
    return {
        "id": mutant.id,
        "block": mutant.block,
        "file": key.file,
        "line": original.line(point.path, point.start),
        "text": key.line,
        "operator": point.operator,
        "before": key.before,
        "after": key.after,
        "killed": verdict.killed,
        "killed_by": verdict.test,
        "how": verdict.how[:200],
        "seconds": round(verdict.seconds, 2),
        "status": entry.status if entry and not verdict.killed else "",
        "explanation": entry.reason if entry and not verdict.killed else "",
        "said": entry.status if entry and verdict.killed else "",
        "repro": f"make mutate MUTANT={mutant.id} SEED={seed}",
    }


def _closing(console: Console, data: dict[str, Any], path: Path, *, single: bool) -> int:
    console.print()
    columns = ("mutants", "killed", "equivalent", "score")
    rows = [[name, *(row[c] for c in columns)] for name, row in data["by_operator"].items()]
    ui.table(console, "Defects by operator", ("operator", *columns), rows)
    rows = [[name, *(row[c] for c in columns)] for name, row in data["by_block"].items()]
    rows.append(["all", *(data[c] for c in columns)])
    ui.table(console, "Defects by block", ("block", *columns), rows)
    unexplained = [row for row in data["survivors"] if not row["explanation"]]
    for row in data["survivors"]:
        style = "yellow" if row["explanation"] else "bold red"
        ui.line(
            console,
            f"alive #{row['id']} {row['file']}:{row['line']} {row['operator']}: "
            f"{_short(row['before'])} -> {_short(row['after'])}",
            style,
        )
        reason = f"{row['status']}: {row['explanation']}" if row["explanation"] else "NOT EXPLAINED"
        ui.line(console, f"      {reason}")
        ui.line(console, f"      {row['repro']}")
    for row in data["all"]:
        if row["said"] == "equivalent":
            ui.line(console, f"#{row['id']} is called equivalent, and was noticed", "yellow")
    for text in data["failed_without_defect"]:
        ui.line(console, f"FAIL  without a defect, so not used: {text}", "bold red")
    if single:
        row = data["all"][0]
        if row["killed"]:
            ui.line(console, f"#{row['id']} noticed by {row['killed_by']}: {row['how']}")
        return 0 if row["killed"] or row["explanation"] else 1
    low = data["score"] < THRESHOLD
    if low:
        ui.line(console, f"FAIL  score {data['score']} is below {THRESHOLD:g}", "bold red")
    if unexplained:
        ui.line(console, f"FAIL  {len(unexplained)} survivors are not explained", "bold red")
    ui.line(
        console,
        f"noticed: {data['killed']} of {data['mutants']}   figures: {shown(path)}   "
        f"({data['seconds']:.0f} s)",
    )
    return 1 if low or unexplained or data["failed_without_defect"] else 0
