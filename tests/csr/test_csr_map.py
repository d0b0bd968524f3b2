# SPDX-License-Identifier: Apache-2.0
"""The map of the registers: generated files are fresh, names and addresses agree, bad ones fail."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from switchproof.ci import csr as generate
from switchproof.ci import linting
from switchproof.ci.filelists import needed
from switchproof.models import csr, profiles

needs_peakrdl = pytest.mark.skipif(
    importlib.util.find_spec("peakrdl_regblock") is None, reason="peakrdl-regblock not installed"
)


@needs_peakrdl
def test_generated_is_fresh() -> None:
    """What is committed is what the description gives."""
    command = [sys.executable, "-m", "switchproof.ci.csr", "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@needs_peakrdl
def test_stale_is_noticed(tmp_path: Path) -> None:
    """A register that moved makes the decoder, the header, the map and the page stale."""
    rdl = tmp_path / "moved.rdl"
    rdl.write_text(generate.SWITCH.rdl.read_text().replace("scratch @ 0xC", "scratch @ 0x3C"))
    old = {path.name for path in generate.stale(generate.outputs(rdl=rdl))}
    assert old == {"sp_csr_regs.sv", "sp_switch.h", "sp_switch.xml", "csr_map.json", "csr.md"}


@needs_peakrdl
def test_bad_description_is_one_line(tmp_path: Path) -> None:
    """A description that does not compile is refused with the file's name."""
    rdl = tmp_path / "bad.rdl"
    rdl.write_text("addrmap broken { reg { field {} a[0:0]; } r @ 0; reg { field {} b; } s @ 0; };")
    with pytest.raises(generate.CsrError, match=r"bad\.rdl"):
        generate.outputs(rdl=rdl)


NAMESPACE = "{http://www.accellera.org/XMLSchema/IPXACT/1685-2014}"
ACCESS = {"read-only": "r", "write-only": "w", "read-write": "rw"}


def ipxact(node: ElementTree.Element, base: int, dims: tuple[Any, ...]) -> Iterator[Any]:
    """Yield {name, address, (count, stride) of each dimension, fields} of the registers below."""

    def value(element: ElementTree.Element, path: str) -> int:
        text = element.findtext("/".join(NAMESPACE + part for part in path.split("/"))) or ""
        return int(text[2:], 16) if text.startswith("'h") else int(text)

    for child in node:
        kind = child.tag.removeprefix(NAMESPACE)
        if kind not in ("registerFile", "register"):
            continue
        address = base + value(child, "addressOffset")
        stride = value(child, "range") if kind == "registerFile" else value(child, "size") // 8
        own: list[tuple[int, int]] = []
        for dim in reversed(child.findall(f"{NAMESPACE}dim")):
            own.insert(0, (int(str(dim.text), 0), stride))
            stride *= own[0][0]
        if kind == "registerFile":
            yield from ipxact(child, address, (*dims, *own))
            continue
        fields = [
            (
                field.findtext(f"{NAMESPACE}name"),
                value(field, "bitOffset"),
                value(field, "bitWidth"),
                ACCESS[field.findtext(f"{NAMESPACE}access") or ""],
                value(field, "resets/reset/value") if field.find(f"{NAMESPACE}resets") else None,
            )
            for field in child.findall(f"{NAMESPACE}field")
        ]
        yield child.findtext(f"{NAMESPACE}name"), address, (*dims, *own), fields


@pytest.mark.parametrize("source", generate.SOURCES, ids=lambda source: source.rdl.stem)
def test_ipxact(source: generate.Source) -> None:
    """Whoever reads the IP-XACT finds the registers that Python has: addresses, arrays, fields."""
    tree = ElementTree.parse(source.generated / f"{source.rdl.stem}.xml")
    block = tree.find(f".//{NAMESPACE}addressBlock")
    assert block is not None
    found = sorted(ipxact(block, 0, ()), key=lambda register: register[1])
    wanted = [
        (
            register.name.split(".")[-1].replace("[]", ""),
            register.address,
            tuple((dim.count, dim.stride) for dim in register.dims),
            [
                (f.name, f.lsb, f.width, f.access.removesuffix("1c"), f.reset)
                for f in register.fields
            ],
        )
        for register in csr.load(source.map.stem).registers.values()
    ]
    assert found == wanted
    version = csr.load(source.map.stem).registers["version"].fields
    numbers = {field.name: field.reset for field in version}
    assert tree.findtext(f"{NAMESPACE}version") == f"{numbers['major']}.{numbers['minor']}"


def test_names_and_addresses() -> None:
    """Every element's address leads back to its name, and no two registers share one."""
    table = csr.load()
    rng = np.random.default_rng(1)
    seen: dict[int, str] = {}
    for register in table.registers.values():
        for _ in range(50):
            indices = tuple(int(rng.integers(dim.count)) for dim in register.dims)
            name = register.element(indices)
            address = table.address(name)
            assert address % 4 == 0
            assert address < 1 << table.address_bits
            assert seen.setdefault(address, name) == name
            assert table.locate(address) == (register, indices)
            if register.dims:
                assert int(register.addresses(*indices)) == address
    ports, ids = np.arange(512)[:, None], np.arange(16384)[None, :]
    addresses = table.registers["fwd[][]"].addresses(ports, ids)
    assert addresses.shape == (512, 16384)
    assert addresses.max() == (1 << table.address_bits) - 4


#: What is not built together with the pipelined form, or with so many ports; it adds no registers.
ALONE = {"augment": 0, "cut_through": 0, "voq_shared": 0, "partials": 0}


def test_every_configuration_fits() -> None:
    """The largest legal configuration is what the map has room for."""
    most = {name: high for name, (_, high) in profiles.BOUNDS.items()}
    config = profiles.Config(name="most", **{**most, **ALONE})
    for register in csr.load().registers.values():
        for dim in register.dims:
            assert dim.present(config) == dim.count, register.name


def test_fields() -> None:
    """Fields go into words and come back; what does not fit is refused."""
    word = csr.encode("fwd_all[3]", valid=1, paths_log2=5, out=700)
    assert word == 1 << 31 | 5 << 16 | 700
    assert csr.decode("fwd[0][3]", word) == {"valid": 1, "paths_log2": 5, "out": 700}
    with pytest.raises(csr.CsrError, match="out = 1024"):
        csr.encode("fwd[0][0]", out=1024)
    with pytest.raises(csr.CsrError, match="no field 'port'; it has: out"):
        csr.encode("fwd[0][0]", port=1)


@pytest.mark.parametrize("name", ["nothing", "port[0]", "fwd[1]", "port[512].rx_flits", "magic[0]"])
def test_wrong_name(name: str) -> None:
    """A name that is not in the map is an error that says so."""
    with pytest.raises(csr.CsrError):
        csr.address(name)


def test_header_version() -> None:
    """The constants of the golden model are those of the package."""
    package = (generate.ROOT / "rtl/common/sp_pkg.sv").read_text()
    assert f"NUM_VC = {csr.NUM_VC};" in package


@pytest.mark.parametrize(
    ("parameter", "value", "bounds"),
    [
        ("N_PORTS", 1, "2..512"),
        ("N_PORTS", 513, "2..512"),
        ("N_ENGINES", 513, "0..512"),
        ("N_CONTEXTS", 1, "2..64"),
        ("N_CONTEXTS", 65, "2..64"),
        ("N_GROUPS", 0, "1..4096"),
        ("N_GROUPS", 4097, "1..4096"),
        ("COUNTERS", 3, "0..2"),
        ("N_IDS", 1, "2..16384"),
        ("N_IDS", 16385, "2..16384"),
    ],
)
def test_illegal_parameter(parameter: str, value: int, bounds: str) -> None:
    """An illegal parameter is an elaboration error that names it and its bounds."""
    text = elaborate(**{parameter: value})
    assert f"sp_csr: {parameter} = {value} is not in {bounds}" in text


@pytest.mark.parametrize("ports", [2, 32, 33, 64, 512])
@pytest.mark.parametrize("engines", [0, 1, 16, 512])
def test_legal_parameters(ports: int, engines: int) -> None:
    """Legal configurations elaborate."""
    assert not elaborate(N_PORTS=ports, N_ENGINES=engines)


def elaborate(**parameters: int) -> str:
    """Return what slang finds in sp_csr with these parameters."""
    return linting.slang(linting.Target("sp_csr", needed("sp_csr"), (), parameters))
