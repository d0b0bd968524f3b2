# SPDX-License-Identifier: Apache-2.0
"""Description files: what binds the environment to a module. docs/testbench.md explains the keys.

The environment knows ports, streams and features; only the description file knows names.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from switchproof.models.profiles import Config

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

STREAM_SIGNALS = ("tvalid", "tready", "tdata", "tuser", "tlast")
#: AXI4-Lite signals of a register port; True when the module drives them.
REGISTER_SIGNALS = {
    "awvalid": False, "awready": True, "awaddr": False, "awprot": False,
    "wvalid": False, "wready": True, "wdata": False, "wstrb": False,
    "bvalid": True, "bready": False, "bresp": True,
    "arvalid": False, "arready": True, "araddr": False, "arprot": False,
    "rvalid": True, "rready": False, "rdata": True, "rresp": True,
}  # fmt: skip
OPTIONAL_REGISTER_SIGNALS = ("awprot", "arprot")
FEATURES = ("vcs", "registers", "reduction", "multicast", "error_answers")
ROUTINGS = ("direct", "table")
PIPES = ("rings", "signals")

_KEYS = {
    "clock": ("name",),
    "reset": ("name", "active"),
    "ingress": (*STREAM_SIGNALS, "vc_room"),
    "egress": (*STREAM_SIGNALS, "vc_room", "vc_room_late"),
    "header": ("lsb", "error", "tuser_w"),
    "routing": ("kind",),
    "waves": ("first",),
    "link": ("down",),
}


class DescriptionError(ValueError):
    """A description file that does not hold what it must; the text names file and key."""


@dataclasses.dataclass(frozen=True)
class Stream:
    """Names of the stream ports of one side; ``{p}`` in a name stands for the port number.

    Without ``{p}`` a name is one packed vector for all ports. ``vc_room`` is empty when the module
    has no such signal.
    """

    tvalid: str
    tready: str
    tdata: str
    tuser: str
    tlast: str
    vc_room: str = ""

    @property
    def single(self) -> bool:
        """Whether each port has signals of its own."""
        return "{p}" in self.tvalid


@dataclasses.dataclass(frozen=True)
class Description:
    """One module under test; see docs/testbench.md for what each field means."""

    path: Path
    module: str
    sources: tuple[Path, ...]
    include_dirs: tuple[Path, ...]
    parameters: dict[str, int | str]
    clock: str
    reset: str
    reset_active_low: bool
    ingress: Stream
    egress: Stream
    tuser_w: int
    header_lsb: int
    error_bit: int
    vc_room_late: int
    link_down: str
    registers: dict[str, str]
    register_map: str
    register_addr_w: int
    routing: str
    features: frozenset[str]
    pipe: str
    waves: tuple[str, ...]
    verilator_args: tuple[str, ...]
    inputs: dict[str, int | str]
    outputs: dict[str, int | str]
    probes: dict[str, int | str]

    @property
    def vcs(self) -> bool:
        """Whether room per virtual channel is signalled, so that the pipe keeps them apart."""
        return "vcs" in self.features

    def values(self, config: Config) -> dict[str, int]:
        """Return the module's parameters for one configuration.

        Raises DescriptionError when a parameter names no number of the configuration.
        """
        return {
            name: self._number(config, f"parameters.{name}", value)
            for name, value in self.parameters.items()
        }

    def probed(self, config: Config) -> list[tuple[str, int]]:
        """Return the signals inside the module that a record shows, in order, and their bits.

        One with ``{e}`` in its name is there once for each engine. Raises DescriptionError.
        """
        shown = []
        for name, value in self.probes.items():
            bits = self._number(config, f"probes.{name}", value)
            if "{e}" in name:
                shown += [(name.replace("{e}", str(e)), bits) for e in range(config.engines)]
            else:
                shown.append((name, bits))
        return shown

    def _number(self, config: Config, key: str, value: int | str) -> int:
        number = getattr(config, value, None) if isinstance(value, str) else value
        if not isinstance(number, int):
            numbers = [f.name for f in dataclasses.fields(config) if f.type in (int, "int")]
            raise DescriptionError(
                f"{self.path}: {key} = {value!r} is neither a number nor one of "
                + ", ".join(numbers)
            )
        return number


def load(path: Path | str) -> Description:
    """Read a description file. Raises DescriptionError, naming file and key."""
    path = Path(path).resolve()
    table = _tables(path)
    allowed = {
        "module", "files", "filelist", "include_dirs", "parameters", "clock", "reset", "ingress",
        "egress", "header", "link", "registers", "routing", "features", "pipe", "waves",
        "verilator_args", "inputs", "outputs", "probes",
    }  # fmt: skip
    for key in table:
        if key not in allowed:
            raise DescriptionError(f"{path}: unknown key {key!r}; there are: {sorted(allowed)}")
    for name, keys in _KEYS.items():
        for key in table.get(name, {}):
            if key not in keys:
                raise DescriptionError(
                    f"{path}: unknown key {name}.{key}; there are: {', '.join(keys)}"
                )
    sources, include_dirs = _sources(path, path.parent, table)
    registers = dict(table.get("registers", {}))
    register_map = registers.pop("map", "")
    addr_w = registers.pop("addr_w", 32)
    for name in registers:
        if name not in REGISTER_SIGNALS:
            raise DescriptionError(f"{path}: registers.{name} is no AXI4-Lite signal")
    if registers:
        for name in REGISTER_SIGNALS:
            if name not in registers and name not in OPTIONAL_REGISTER_SIGNALS:
                raise DescriptionError(f"{path}: registers.{name} is missing")
    features = {name for name, on in table.get("features", {}).items() if on}
    for name in features - set(FEATURES):
        raise DescriptionError(f"{path}: features.{name}: there are: {', '.join(FEATURES)}")
    header = table.get("header", {})
    ingress, egress = _stream(path, table, "ingress"), _stream(path, table, "egress")
    if "vcs" in features and not (ingress.vc_room and egress.vc_room):
        raise DescriptionError(f"{path}: features.vcs asks for vc_room at ingress and egress")
    return Description(
        path=path,
        module=_need(path, table, "module"),
        sources=sources,
        include_dirs=include_dirs,
        parameters=dict(table.get("parameters", {})),
        clock=_need(path, table, "clock", "name"),
        reset=_need(path, table, "reset", "name"),
        reset_active_low=_choice(path, table.get("reset", {}), "active", ("low", "high")) == "low",
        ingress=ingress,
        egress=egress,
        tuser_w=int(header.get("tuser_w", 129)),
        header_lsb=int(header.get("lsb", 0)),
        error_bit=int(header.get("error", 128)),
        vc_room_late=int(table.get("egress", {}).get("vc_room_late", 1)),
        link_down=str(table.get("link", {}).get("down", "")),
        registers=registers,
        register_map=register_map,
        register_addr_w=int(addr_w),
        routing=_choice(path, table.get("routing", {}), "kind", ROUTINGS),
        features=frozenset(features),
        pipe=_choice(path, table, "pipe", PIPES),
        waves=tuple(table.get("waves", {}).get("first", ())),
        verilator_args=tuple(table.get("verilator_args", ())),
        inputs=_further(path, table, "inputs"),
        outputs=_further(path, table, "outputs"),
        probes=_further(path, table, "probes"),
    )


def _tables(path: Path) -> dict[str, Any]:
    """Return the file's tables over those of its ``base``, if it names one."""
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise DescriptionError(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise DescriptionError(f"{path}: {error}") from None
    if "base" not in table:
        return table
    base = (path.parent / table.pop("base")).resolve()
    below = _tables(base)
    # Names of the base are relative to the base.
    for key in ("files", "include_dirs"):
        if key in below:
            below[key] = [str(base.parent / name) for name in below[key]]
    if "filelist" in below:
        below["filelist"] = str(base.parent / below["filelist"])
    for key, value in table.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            below[key] = {**below[key], **value}
        else:
            below[key] = value
    return below


def _sources(
    path: Path, folder: Path, table: dict[str, Any]
) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return source files and include folders, from the file list and from `files`."""
    sources: list[Path] = []
    includes = [(folder / name).resolve() for name in table.get("include_dirs", ())]
    if "filelist" in table:
        try:
            listed = read_filelist((folder / table["filelist"]).resolve())
        except DescriptionError as error:
            raise DescriptionError(f"{path}: {error}") from None
        sources += listed[0]
        includes += listed[1]
    sources += [(folder / name).resolve() for name in table.get("files", ())]
    if not sources:
        raise DescriptionError(f"{path}: neither files nor filelist names a source")
    for source in sources:
        if not source.is_file():
            raise DescriptionError(f"{path}: no such source file: {source}")
    return tuple(dict.fromkeys(sources)), tuple(dict.fromkeys(includes))


def read_filelist(filelist: Path) -> tuple[list[Path], list[Path]]:
    """Return source files and include folders of a .f file, relative to its own folder.

    It holds files, ``+incdir+``, ``-f`` and comments. Raises DescriptionError.
    """
    sources: list[Path] = []
    includes: list[Path] = []
    try:
        lines = filelist.read_text().splitlines()
    except OSError as error:
        raise DescriptionError(f"file list {filelist}: {error.strerror}") from None
    for line in lines:
        words = line.split("//")[0].split("#")[0].split()
        while words:
            word = words.pop(0)
            if word in ("-f", "-F") and words:
                below = read_filelist((filelist.parent / words.pop(0)).resolve())
                sources += below[0]
                includes += below[1]
            elif word.startswith("+incdir+"):
                folders = word.removeprefix("+incdir+").split("+")
                includes += [(filelist.parent / name).resolve() for name in folders]
            elif word.startswith(("-", "+")):
                raise DescriptionError(f"file list {filelist}: {word} is not understood")
            else:
                sources.append((filelist.parent / word).resolve())
    return sources, includes


def _need(path: Path, table: dict[str, Any], *keys: str) -> str:
    value: Any = table
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value:
        raise DescriptionError(f"{path}: {'.'.join(keys)} is missing")
    return value


def _further(path: Path, table: dict[str, Any], key: str) -> dict[str, int | str]:
    """Return further ports of the module and their bits."""
    ports = dict(table.get(key, {}))
    for name, bits in ports.items():
        if isinstance(bits, bool) or not isinstance(bits, (int, str)) or bits in (0, ""):
            raise DescriptionError(f"{path}: {key}.{name} = {bits!r} is no number of bits")
    return ports


def _choice(path: Path, table: dict[str, Any], key: str, choices: tuple[str, ...]) -> str:
    value = table.get(key, choices[0])
    if value not in choices:
        raise DescriptionError(f"{path}: {key} = {value!r} is not one of {', '.join(choices)}")
    return str(value)


def _stream(path: Path, table: dict[str, Any], side: str) -> Stream:
    names = {name: _need(path, table, side, name) for name in STREAM_SIGNALS}
    room = table[side].get("vc_room", "")
    single = {("{p}" in name) for name in (*names.values(), room) if name}
    if len(single) != 1:
        raise DescriptionError(f"{path}: {side}: either all names hold {{p}} or none does")
    return Stream(**names, vc_room=room)
