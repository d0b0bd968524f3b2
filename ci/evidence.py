# SPDX-License-Identifier: Apache-2.0
"""The JSON evidence files under build/report/ and the JUnit file that goes with results."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from switchproof.ci import tools
from switchproof.ci.paths import REPORT, write_text


def write(name: str, data: Any) -> Path:
    """Write ``build/report/<name>.json`` in one step and return its path.

    Processes may write the same file at the same time: one of them wins.
    """
    path = REPORT / f"{name}.json"
    write_text(path, json.dumps(data, indent=1) + "\n")
    return path


def read(name: str) -> Any:
    """Return what ``build/report/<name>.json`` holds, or None when there is none."""
    try:
        return json.loads((REPORT / f"{name}.json").read_text())
    except (OSError, ValueError):
        return None


def results(tests: list[dict[str, Any]], seconds: float, **more: Any) -> dict[str, Any]:
    """Return the evidence of a set of tests, each with name, seed, status, seconds, repro."""
    count = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for test in tests:
        count[test["status"]] += 1
    return {
        **count,
        "seconds": round(seconds, 1),
        "tests": tests,
        "tools": tools.versions(),
        "commit": tools.commit(),
        **more,
    }


def write_junit(data: dict[str, Any], suite: str) -> Path:
    """Write ``build/report/junit.xml`` for CI servers: one suite for each block."""
    root = ElementTree.Element("testsuites", name=suite)
    by_block: dict[str, list[dict[str, Any]]] = {}
    for test in data["tests"]:
        by_block.setdefault(test["name"].partition("/")[0], []).append(test)
    for block, tests in by_block.items():
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=block,
            tests=str(len(tests)),
            failures=str(sum(test["status"] == "failed" for test in tests)),
            skipped=str(sum(test["status"] == "skipped" for test in tests)),
            errors="0",
            time=f"{sum(test['seconds'] for test in tests):.3f}",
        )
        for test in tests:
            case = ElementTree.SubElement(
                element,
                "testcase",
                classname=block.replace("/", "."),
                name=test["name"].partition("/")[2],
                time=f"{test['seconds']:.3f}",
            )
            properties = ElementTree.SubElement(case, "properties")
            for key in ("seed", "repro"):
                if test.get(key) is not None:
                    ElementTree.SubElement(properties, "property", name=key, value=str(test[key]))
            if test["status"] == "failed":
                failure = ElementTree.SubElement(case, "failure", message=test["repro"])
                failure.text = _printable(test.get("message", ""))
            elif test["status"] == "skipped":
                ElementTree.SubElement(case, "skipped", message=test.get("message", ""))
    path = REPORT / "junit.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _printable(text: str) -> str:
    """Return text without what XML cannot hold."""
    return "".join(c if c in "\t\n" or " " <= c < "\ud800" else "?" for c in text)
