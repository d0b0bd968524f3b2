# SPDX-License-Identifier: Apache-2.0
"""build/report/index.html: one page, made of the evidence files alone, that needs no network.

Styles, plots and annotated sources are inside the page, so that it can be mailed or archived.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from switchproof.ci import coverage as cov
from switchproof.ci import evidence, fpga
from switchproof.ci.paths import CI, REPORT, ROOT

SOURCES = REPORT / "sources.json"
_KINDS = (*cov.KINDS, "functional")
#: Line colours of the plots, told apart by colour-blind readers too, and dash patterns for print.
_COLOURS = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#64748b")
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2", "12 4")


def write() -> Path:
    """Write the page from what lies in build/report/ and return its path."""
    data = {name: evidence.read(name) for name in ("sim", "test", "coverage", "formal", "mutate")}
    data["training"] = evidence.read("training")
    # Whichever of the two was run last is what the reader wants to see first.
    suites = [data[name] for name in ("sim", "test") if data[name]]
    newest = max(
        (name for name in ("sim", "test") if data[name]),
        key=lambda name: (REPORT / f"{name}.json").stat().st_mtime,
        default=None,
    )
    main = data[newest] if newest else None
    regress = [
        found
        for path in sorted((REPORT / "regress").glob("*.json"))
        if (found := evidence.read(f"regress/{path.stem}"))
    ]
    sections = [
        _training(data["training"]),
        _results(main),
        *(_regress(found) for found in regress),
        _plan(main),
        _coverage(data["coverage"]),
        _hil(
            evidence.read("hil"), evidence.read("hil_board"), evidence.read("hil_bit_errors") or []
        ),
        _fpga(),
        _bench(),
        _formal(data["formal"]),
        _mutate(data["mutate"]),
        _tools(main or (suites[0] if suites else None)),
    ]
    shown_sections = [section for section in sections if section]
    links = "".join(f'<a href="#{s[0]}">{_text(s[1])}</a>' for s in shown_sections)
    body = "".join(
        f'<section id="{name}"><h2>{_text(title)}</h2>{content}</section>'
        for name, title, content in shown_sections
    )
    style = (CI / "report.css").read_text()
    script = (CI / "report.js").read_text()
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Switchproof report</title><style>{style}</style></head><body>"
        f"{_header(main, data)}<nav>{links}</nav><main>{body}</main>"
        f"<script>{script}</script></body></html>\n"
    )
    path = REPORT / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    return path


def write_sources(files: list[cov.FileCoverage]) -> None:
    """Leave the annotated sources for the page: lines with counts and what was not hit there."""
    out = {}
    for file in files:
        path = ROOT / file.file
        if not path.exists():
            continue
        misses: dict[int, list[str]] = {}
        toggles: dict[int, set[str]] = {}
        for point, count in file.points.items():
            if count:
                continue
            if point.kind == "toggle":
                toggles.setdefault(point.line, set()).add(point.text)
            elif point.kind != "line":
                misses.setdefault(point.line, []).append(f"{point.kind} {point.text}")
        for line, names in toggles.items():
            listed = ", ".join(sorted(names)[:4]) + (" ..." if len(names) > 4 else "")
            misses.setdefault(line, []).append(f"toggle {listed}")
        out[file.file] = {
            "score": {kind: list(pair) for kind, pair in file.score().items()},
            "lines": {str(k): v for k, v in file.lines().items()},
            "misses": {str(k): v for k, v in misses.items()},
            "waived": sorted({n for p in file.waived for n in p.lines or (p.line,)}),
            "text": path.read_text().splitlines(),
        }
    SOURCES.parent.mkdir(parents=True, exist_ok=True)
    SOURCES.write_text(json.dumps(out))


Section = tuple[str, str, str]


def _text(value: object) -> str:
    return html.escape(str(value))


def _table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", foot: bool = False
) -> str:
    """Return a table; cells are HTML already. With ``foot`` the last row is a total."""
    rows = list(rows)
    numeric = {i for i, cell in enumerate(rows[0]) if 'class="num"' in cell} if rows else set()
    head = "".join(
        f"<th{' class=num' if i in numeric else ''}>{_text(column)}</th>"
        for i, column in enumerate(columns)
    )
    body = "".join(
        f"<tr{' class=foot' if foot and i == len(rows) - 1 else ''}>"
        + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in row)
        + "</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _num(value: float | str, digits: int = 1) -> str:
    if isinstance(value, str):
        return f"<td>{_text(value)}</td>"
    text = f"{value:,.{digits}f}" if not float(value).is_integer() else f"{value:,.0f}"
    return f'<td class="num">{text}</td>'


def _badge(status: str) -> str:
    kind = {"passed": "ok", "proved": "ok", "met": "ok", "failed": "bad", "missing": "bad"}
    return f'<span class="badge {kind.get(status, "warn")}">{_text(status)}</span>'


def _header(main: Any, data: Mapping[str, Any]) -> str:
    if main is None:
        verdict, word = "warn", "No results yet"
    elif main["failed"]:
        verdict, word = "bad", f"{main['failed']} of {main['failed'] + main['passed']} tests failed"
    elif not main["passed"]:
        verdict, word = "warn", "No test passed"
    else:
        verdict, word = "ok", f"All {main['passed']} tests passed"
    facts = []
    if main:
        narrowed = " ".join(f"{k.upper()}={v}" for k, v in main.get("selection", {}).items())
        facts.append(("suite", main.get("suite", "") + (f" {narrowed}" if narrowed else "")))
        facts.append(("commit", (main.get("commit") or "unknown")[:12]))
        facts.append(("time", f"{main['seconds']:.0f} s"))
        if main.get("skipped"):
            facts.append(("skipped", str(main["skipped"])))
    if data["coverage"]:
        facts.append(("line coverage", f"{data['coverage']['line']:g}%"))
        facts.append(("functional", f"{data['coverage']['functional']:g}%"))
    facts.append(("written", time.strftime("%Y-%m-%d %H:%M")))
    items = "".join(f"<div><dt>{_text(k)}</dt><dd>{_text(v)}</dd></div>" for k, v in facts)
    return (
        f'<header class="{verdict}"><div class="bar"><p class="name">Switchproof</p>'
        f"<h1>{_text(word)}</h1><dl>{items}</dl></div></header>"
    )


def _results(main: Any) -> Section | None:
    if not main:
        return None
    order = {"failed": 0, "skipped": 1, "passed": 2}
    rows = []
    for test in sorted(main["tests"], key=lambda t: (order[t["status"]], t["name"])):
        message = ""
        if test.get("message"):
            opened = " open" if test["status"] == "failed" else ""
            message = (
                f"<details{opened}><summary>message</summary>"
                f"<pre>{_text(test['message'][-6000:])}</pre></details>"
            )
        rows.append(
            [
                _badge(test["status"]),
                f"<code>{_text(test['name'])}</code>{message}",
                f'<td class="num">{"" if test["seed"] is None else test["seed"]}</td>',
                _num(test["seconds"]),
                f'<code class="copy" title="click to copy">{_text(test["repro"])}</code>',
            ]
        )
    tools = (
        '<p class="filter"><input type="search" placeholder="filter tests" '
        'aria-label="filter tests" data-filter="results-table"></p>'
    )
    table = _table(("", "test", "seed", "seconds", "to run it again"), rows, "wide")
    return "results", "Results", tools + f'<div id="results-table">{table}</div>'


def _regress(found: Any) -> Section:
    by_test: dict[str, list[Any]] = {}
    for test in found["tests"]:
        by_test.setdefault(test["name"], []).append(test)
    rows = []
    for name, runs in sorted(by_test.items()):
        bad = [run for run in runs if run["status"] == "failed"]
        repro = f'<code class="copy">{_text(bad[0]["repro"])}</code>' if bad else ""
        rows.append(
            [
                _badge("failed" if bad else "passed"),
                f"<code>{_text(name)}</code>",
                _num(len(runs) - len(bad)),
                _num(len(runs)),
                repro,
            ]
        )
    suite = found.get("suite", "regress")
    table = _table(("", "test", "passed", "seeds", "first failure"), rows, "wide")
    return suite.replace("/", "-"), f"Regression over {found.get('seeds', '?')} seeds", table


def _plan(main: Any) -> Section | None:
    if not main or not main.get("plan"):
        return None
    rows = []
    for point in main["plan"]:
        state = "missing" if point["missing"] else "met"
        missing = "".join(f"<li>{_text(line)}</li>" for line in point["missing"])
        rows.append(
            [
                _badge(state),
                f"<code>{_text(point['block'])}/{_text(point['name'])}</code>",
                _text(point["stage"]),
                _text(point["about"]) + (f"<ul>{missing}</ul>" if missing else ""),
                _num(point["runs"]),
                f'<td class="num">{point["hit"]:,}/{point["bins"]:,}</td>',
            ]
        )
    met = sum(not point["missing"] for point in main["plan"])
    note = f"<p>{met} of {len(rows)} points met.</p>"
    if main.get("suite") != "test":
        note += "<p class=quiet>The whole plan is judged by <code>make test</code>.</p>"
    columns = ("", "point", "stage", "what must be shown", "runs", "bins hit")
    return "plan", "Test plan", note + _table(columns, rows, "wide")


def _meter(value: float | None) -> str:
    if value is None:
        return '<td class="num"></td>'
    kind = "ok" if value >= 95 else "warn" if value >= 80 else "bad"
    return (
        f'<td class="num"><span class="meter {kind}"><i style="width:{value:.1f}%"></i></span>'
        f"{value:.2f}</td>"
    )


def _coverage(found: Any) -> Section | None:
    if not found:
        return None
    rows = [
        [f"<code>{_text(name)}</code>", *(_meter(block.get(kind)) for kind in _KINDS)]
        for name, block in found["blocks"].items()
    ]
    rows.append(["all", *(_meter(found[kind]) for kind in _KINDS)])
    parts = [_table(("block", *(f"{kind} %" for kind in _KINDS)), rows, "", foot=True)]
    parts.append(
        '<p class="quiet">Also as <a href="coverage.info">LCOV</a> and '
        f'<a href="cobertura.xml">Cobertura</a>. {found["waived"]} points are waived.</p>'
    )
    waivers = [w for w in found.get("waivers", []) if w["used"]]
    if waivers:
        listed = _table(
            ("file", "kind", "match", "points", "reason"),
            [
                [
                    f"<code>{_text(w['file'])}</code>",
                    _text(w["kind"]),
                    f"<code>{_text(w['match'])}</code>",
                    _num(w["used"]),
                    _text(w["reason"]),
                ]
                for w in waivers
            ],
        )
        parts.append(f"<details><summary>waivers ({len(waivers)})</summary>{listed}</details>")
    if found["holes"]:
        lines = "\n".join(found["holes"][:2000])
        parts.append(
            f"<details><summary>not hit ({len(found['holes'])})</summary>"
            f"<pre>{_text(lines)}</pre></details>"
        )
    parts.append(_annotated())
    return "coverage", "Coverage", "".join(parts)


def _annotated() -> str:
    try:
        files = json.loads(SOURCES.read_text())
    except (OSError, ValueError):
        return ""
    parts = ["<h3>Annotated sources</h3>"]
    for name, file in files.items():
        hit, total = file["score"]["line"]
        waived = set(file["waived"])
        rows = []
        for number, text in enumerate(file["text"], 1):
            count = file["lines"].get(str(number))
            misses = file["misses"].get(str(number), [])
            state = ""
            if count == 0:
                state = "cold"
            elif misses:
                state = "part"
            elif count is not None:
                state = "hot"
            elif number in waived:
                state = "waived"
            note = f'<span class="miss">{_text("; ".join(misses))}</span>' if misses else ""
            rows.append(
                f'<span class="l {state}"><b>{number}</b>'
                f"<i>{'' if count is None else _short(count)}</i>{_text(text) or ' '}{note}</span>"
            )
        parts.append(
            f'<details class="source"><summary><code>{_text(name)}</code> '
            f"<span>{hit}/{total} lines, {cov.percent(hit, total):g}%</span></summary>"
            f"<pre>{''.join(rows)}</pre></details>"
        )
    return "".join(parts)


def _short(count: int) -> str:
    for size, letter in ((10**9, "G"), (10**6, "M"), (10**4, "k")):
        if count >= size:
            return f"{count / (1000 if letter == 'k' else size):.0f}{letter}"
    return str(count)


def _bench() -> Section | None:
    parts = []
    for path in sorted((REPORT / "bench").glob("*.json")):
        figures = evidence.read(f"bench/{path.stem}") or {}
        rows = [
            [f"<code>{_text(key)}</code>", _num(value, 3)]
            for key, value in figures.items()
            if isinstance(value, (int, float, str))
        ]
        plots = "".join(
            _plot(title, _text(plot["below"]), plot["curves"])
            for title, plot in figures.get("plots", {}).items()
        )
        parts.append(f"<h3>{_text(path.stem)}</h3>{_table(('metric', 'value'), rows)}")
        if plots:
            parts.append(f'<div class="plots">{plots}</div>')
    return ("bench", "Benchmarks", "".join(parts)) if parts else None


def _letters(word: int) -> str:
    """Return a word of four letters as text."""
    return word.to_bytes(4, "big").decode("ascii", "replace")


#: Columns of what a sweep of bit errors found.
BIT_ERRORS = (
    "cycles a wrong bit", "cycles", "link", "end", "wrong bits", "bad frames", "NACKs", "replays",
    "frames", "sent again",
)  # fmt: skip


def bit_error_rows(found: list[dict[str, int]]) -> list[list[str]]:
    """Return the rows to BIT_ERRORS: what left an end, and what its peer made of it."""
    return [
        [f"{row['spacing']:,}" if row["spacing"] else "none"]
        + [f"{row[name]:,}" for name in list(row)[1:]]
        for row in found
    ]


def _hil(found: Any, about: Any, bit_errors: list[dict[str, int]]) -> Section | None:
    """The bring-up tests of the board that was tried last, and what it said that it is."""
    if not found:
        return None
    parts = [
        f"<p>{found['passed']} passed, {found['failed']} failed, {found['skipped']} skipped on "
        f"<code>{_text(found['board'])}</code> with {_text(found['host'])} as host, "
        f"{found['seconds']:.0f} s.</p>"
    ]
    if about:
        shown = {
            "board": _letters(about["board"]),
            "build": f"{about['build']:08x}",
            "clock": f"{about['clock_hz'] / 1e6:g} MHz",
            "line": f"{about['baud']:,} baud",
            "ports": about["ports"],
            "flit": f"{about['flit_width']} bits",
            "engines": about["engines"],
            "contexts": about["contexts"],
        }
        parts.append(_table(list(shown), [[_text(value) for value in shown.values()]]))
    rows = [
        [
            _badge(test["status"]),
            f"<code>{_text(test['name'])}</code>",
            _num(test["seconds"]),
            f'<code class="copy" title="click to copy">{_text(test["repro"])}</code>',
        ]
        for test in found["tests"]
    ]
    parts.append(_table(("", "test", "seconds", "to run it again"), rows, "wide"))
    if bit_errors:
        parts.append(f"<h3>Bit errors</h3>{_table(BIT_ERRORS, bit_error_rows(bit_errors))}")
    return "hil", "Bring-up of a board", "".join(parts)


def _fpga() -> Section | None:
    """Clock and area of each board's image."""
    parts = []
    for path in sorted((REPORT / "fpga").glob("*.json")):
        found = evidence.read(f"fpga/{path.stem}")
        if not found:
            continue
        wrong = "".join(f"<li>{_text(line)}</li>" for line in found["wrong"])
        rows = [
            [_text(what), _num(found[key]), _share(found[f"{key}_share"])]
            for key, (_, what) in fpga.RESOURCES.items()
        ]
        hops = "\n".join(found["critical_path"])
        parts.append(
            f"<h3>{_text(found['board'])} {_text(found['size'])}, {_text(found['config'])}</h3>"
            f"<p>{_badge('failed' if wrong else 'passed')} {found['fmax_mhz']:g} MHz, wanted "
            f"{found['clock_mhz']:g} MHz; {found['seconds']:.0f} s from RTL to "
            f"<code>{_text(found['bitstream'])}</code>.</p>"
            + (f"<ul>{wrong}</ul>" if wrong else "")
            + _table(("", "in use", "of the part"), rows)
            + f"<details><summary>critical path</summary><pre>{_text(hops)}</pre></details>"
        )
    return ("fpga", "FPGA images", "".join(parts)) if parts else None


def _share(value: float) -> str:
    """Return a cell with how full a part is: past 85% a place is hard to find."""
    kind = "ok" if value < 0.7 else "warn" if value < fpga.FULL else "bad"
    return (
        f'<td class="num"><span class="meter {kind}"><i style="width:{100 * value:.1f}%"></i>'
        f"</span>{100 * value:.1f}%</td>"
    )


def _formal(found: Any) -> Section | None:
    if not found:
        return None
    rows = [
        [
            _badge(task["status"]),
            f"<code>{_text(task['name'])}</code>",
            _text(task.get("engine", "")),
            _num(task.get("depth") or 0),
            _num(task.get("seconds", 0)),
        ]
        for task in found["tasks"]
    ]
    note = f"<p>{found['proved']} proved, {found['failed']} failed.</p>"
    return "formal", "Proofs", note + _table(("", "task", "engine", "depth", "seconds"), rows)


def _mutate(found: Any) -> Section | None:
    if not found:
        return None
    rows = []
    for block, figures in found.get("by_block", {}).items():
        mutants = figures.get("mutants", 0)
        rows.append([_text(block), _num(figures.get("killed", 0)), _num(mutants)])
    note = (
        f"<p>{found['killed']} of {found['mutants']} defects noticed"
        f" ({found['score']:g}%), {found.get('equivalent', 0)} change nothing.</p>"
    )
    survivors = "".join(
        f"<li><code>{_text(s if isinstance(s, str) else json.dumps(s))}</code></li>"
        for s in found.get("survivors", [])
    )
    more = f"<details><summary>survivors</summary><ul>{survivors}</ul></details>"
    table = _table(("block", "noticed", "defects"), rows)
    return "mutate", "Defects on demand", note + table + (more if survivors else "")


def _tools(main: Any) -> Section | None:
    if not main:
        return None
    rows = [[_text(name), f"<code>{_text(value)}</code>"] for name, value in main["tools"].items()]
    return "tools", "Tools", _table(("tool", "version"), rows)


def _training(found: Any) -> Section | None:
    if not found:
        return None
    curves = {name: run for name, run in found.items() if isinstance(run, dict) and "loss" in run}
    if not curves:
        return None
    rows = []
    for name, run in curves.items():
        equal = run.get("weights_equal")
        rows.append(
            [
                f"<code>{_text(name)}</code>",
                _num(run.get("bit_exact_steps", 0)),
                '<span class="badge ok">yes</span>'
                if equal
                else '<span class="badge bad">no</span>',
                f'<td class="num">{100 * run["heldout"]:.2f}%</td>' if "heldout" in run else "",
            ]
        )
    plots = _plot("Loss", "step", {n: r["loss"] for n, r in curves.items()})
    accuracy = {n: r["accuracy"] for n, r in curves.items() if r.get("accuracy")}
    if accuracy:
        plots += _plot("Accuracy", "step", accuracy, low=0.0, high=1.0)
    columns = (
        "gradients in",
        "steps equal bit for bit",
        "weights equal to the model's",
        "held-out accuracy",
    )
    about = (
        "<p>Members train one classifier on handwritten digits; every AllReduce of their gradients "
        "is done by the RTL and compared with the golden model, bit for bit, at every step.</p>"
    )
    return (
        "training",
        "Training through the switch",
        about + f'<div class="plots">{plots}</div>' + _table(columns, rows),
    )


def _ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers from low to high."""
    span = high - low or 1.0
    step = 10.0 ** len(str(int(span))) if span >= 1 else 1.0
    while span / step < 4:
        for divisor in (2, 5, 10):
            if span / (step / divisor) >= 4:
                step /= divisor
                break
        else:
            step /= 10
    first = int(low / step) if low >= 0 else int(low / step) - 1
    return [
        round(k * step, 10)
        for k in range(first, first + 20)
        if low - 1e-9 <= k * step <= high + 1e-9
    ]


def _pairs(curve: Sequence[Any]) -> list[tuple[float, float]]:
    return [(k, v) if isinstance(v, (int, float)) else (v[0], v[1]) for k, v in enumerate(curve)]


def _legend(names: Sequence[str], width: int) -> list[tuple[int, int]]:
    """Return where each name of a legend begins, in lines of a width."""
    places: list[tuple[int, int]] = []
    x, y = 0, 22
    for name in names:
        # A line in front, letters of 7 at most on average, and at least a column.
        wide = max(90, 40 + 7 * len(name) + 10)
        if places and x + wide > width:
            x, y = 0, y + 16
        places.append((x, y))
        x += wide
    return places


def _plot(
    title: str,
    below: str,
    curves: Mapping[str, Sequence[Any]],
    low: float | None = None,
    high: float | None = None,
) -> str:
    """Return an inline SVG line plot of several curves: values, or pairs of step and value."""
    rows = {name: _pairs(curve) for name, curve in curves.items() if len(curve)}
    if not rows:
        return ""
    width, height, left, right, top, bottom = 560, 300, 52, 14, 34, 40
    legend = _legend(list(rows), width - left - right)
    top = legend[-1][1] + 12
    values = [value for curve in rows.values() for _, value in curve]
    low = min(0.0, *values) if low is None else low
    high = max(values) * 1.02 if high is None else high
    steps = 1 + max(step for curve in rows.values() for step, _ in curve)

    def x(step: float) -> float:
        return left + (width - left - right) * step / max(1, steps - 1)

    def y(value: float) -> float:
        return height - bottom - (height - top - bottom) * (value - low) / ((high - low) or 1)

    parts = []
    for tick in _ticks(low, high):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - right}" y1="{y(tick):.1f}" '
            f'y2="{y(tick):.1f}"/><text x="{left - 8}" y="{y(tick) + 4:.1f}" class="end">'
            f"{tick:g}</text>"
        )
    for tick in _ticks(0, steps - 1):
        parts.append(
            f'<text x="{x(tick):.1f}" y="{height - bottom + 18}" class="mid">{tick:g}</text>'
        )
    parts.append(
        f'<text x="{(left + width - right) / 2:.0f}" y="{height - 6}" class="mid">{below}</text>'
    )
    for i, (name, curve) in enumerate(rows.items()):
        points = " ".join(f"{x(k):.1f},{y(min(v, high)):.1f}" for k, v in curve)
        colour, dash = _COLOURS[i % len(_COLOURS)], _DASHES[i % len(_DASHES)]
        at, line = left + legend[i][0], legend[i][1]
        parts.append(
            f'<polyline points="{points}" stroke="{colour}" stroke-dasharray="{dash}"/>'
            f'<line x1="{at + 8}" x2="{at + 34}" y1="{line}" y2="{line}" '
            f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{at + 40}" y="{line + 4}">{_text(name)}</text>'
        )
    return (
        f'<figure><figcaption>{_text(title)}</figcaption><svg viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{_text(title)}">{"".join(parts)}</svg></figure>'
    )
