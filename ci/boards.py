# SPDX-License-Identifier: Apache-2.0
"""Boards: what fpga/boards/ says of them; and the virtual one: a board's top, Verilated."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from switchproof.ci import build, filelists, harness_cache, tools
from switchproof.ci.paths import BUILD, ROOT, shown
from switchproof.ci.variables import UserError, choice
from switchproof.models import profiles
from switchproof.models.profiles import Config
from switchproof.tb import description
from switchproof.tb.board import Board as Host
from switchproof.tb.board import BoardError, LitexBus
from switchproof.tb.uartbone import BridgeError, UartBone

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FPGA = ROOT / "fpga"
BOARDS = FPGA / "boards"
MODELS = FPGA / "sim"
VIRTUAL_MAIN = FPGA / "virtual" / "main.cpp"
#: The board whose top the virtual board is.
VIRTUAL = "ulx3s"
#: Seconds until a virtual board that was started must be there.
START_SECONDS = 20
#: Seconds in which a board answers.
ANSWER_SECONDS = 1.0
#: Seconds in which a simulated board answers, behind all that was written before.
PATIENCE = {"virtual": 120.0, "netlist": 1800.0}


@dataclasses.dataclass(frozen=True)
class Board:
    """What fpga/boards/<name>/board.toml says."""

    name: str
    folder: Path
    about: str
    top: str
    files: tuple[Path, ...]
    constraints: Path
    config: Config
    family: str
    package: str
    letters: str
    clock_mhz: int
    baud: int
    clock_pin: str
    rx_pin: str
    tx_pin: str
    sizes: dict[str, str]
    fits: dict[str, str] = dataclasses.field(default_factory=dict)
    #: Clocks of the configurations that have another one, in MHz.
    clocks: dict[str, int] = dataclasses.field(default_factory=dict)
    #: The configuration that its file names; empty: that is `config`.
    own_config: str = ""

    @property
    def sources(self) -> tuple[Path, ...]:
        """The whole design, in compile order."""
        return (*description.read_filelist(filelists.BOARD_FILELIST)[0], *self.files)

    @property
    def variant(self) -> str:
        """What names of files have behind the board's: nothing in its own configuration."""
        own = self.own_config in ("", self.config.name)
        return "" if own else f"-{self.config.name}"

    @property
    def usual_size(self) -> str:
        """The size of its part that is meant when none is named."""
        return next(iter(self.sizes))

    @property
    def parameters(self) -> dict[str, int]:
        """Parameters of the top: those of the switch, how many links and endpoints it has, whether
        these have the end-to-end check, and its clock if it is not the board's usual one."""
        config = self.config
        around = {
            "N_LINKS": config.links, "N_ENDPOINTS": config.endpoints, "CHECK": config.checks
        }  # fmt: skip
        if config.name in self.clocks:
            around["CLK_HZ"] = self.clock_mhz * 1_000_000
        return harness_cache.switch().values(config) | around

    @property
    def words(self) -> dict[str, str]:
        """Parameters of the top that only say which build it is."""
        return {"BUILD": f"32'h{build_word():08x}"}


def names() -> list[str]:
    """Return the boards that there are."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.toml"))


def get(name: str, profile: str = "", size: str = "") -> Board:
    """Return a board by name, in the configuration that fits a size of its part, or another one.

    Raises UserError, which lists the valid names.
    """
    folder = BOARDS / choice("BOARD", name, names())
    table: dict[str, Any] = tomllib.loads((folder / "board.toml").read_text())
    table["files"] = tuple(folder / file for file in table["files"])
    table["constraints"] = folder / table["constraints"]
    table["own_config"] = table["config"]
    if size:
        size = choice("SIZE", size, table["sizes"])
        table["config"] = table["fits"].get(size, table["config"])
    if profile:
        table["config"] = choice("PROFILE", profile, profiles.load())
    table["clock_mhz"] = table.get("clocks", {}).get(table["config"], table["clock_mhz"])
    table["config"] = profiles.get(table["config"])
    try:
        return Board(name=name, folder=folder, **table)
    except TypeError as error:
        raise UserError(f"{shown(folder / 'board.toml')}: {error}") from None


def cell_models() -> list[Path]:
    """Return the simulation's models of cells that the boards' tops hold."""
    return sorted(MODELS.glob("*.sv"))


def build_word() -> int:
    """Return the first 32 bits of the commit, 0 outside of a repository."""
    commit = tools.commit()
    try:
        return int(commit[:8], 16)
    except ValueError:
        return 0


def virtual_spec(board: Board) -> build.BuildSpec:
    """Return what to build for a virtual board."""
    pins = {"RX": board.rx_pin, "TX": board.tx_pin, "CLOCK": board.clock_pin}
    flags = [word for key, pin in pins.items() for word in ("-CFLAGS", f"-DBOARD_{key}={pin}")]
    return build.BuildSpec(
        name=f"virtual-{board.name}{board.variant}",
        toplevel=board.top,
        sources=(*board.sources, *cell_models(), VIRTUAL_MAIN),
        parameters=tuple(board.parameters.items()),
        args=tuple(flags),
        vpi=False,
    )


class VirtualBoard:
    """A virtual board that runs. A context; ``port`` is its terminal."""

    def __init__(
        self, board: Board, name: str = "virtual", spec: build.BuildSpec | None = None
    ) -> None:
        """Build it, if need be, and start it. Raises BuildError, or UserError with what it said.

        ``name`` is that of the link to its terminal, in build/board/; ``spec`` another one than
        that of the board's sources.
        """
        self.board = board
        made = build.build(spec or virtual_spec(board))
        self.port = str(BUILD / "board" / name)
        Path(self.port).parent.mkdir(parents=True, exist_ok=True)
        command = [str(made.executable), self.port, str(board.clock_mhz * 1_000_000)]
        self._process = subprocess.Popen(
            [*command, str(board.baud)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._wait()

    def _wait(self) -> None:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            if not ready.select(START_SECONDS):
                self.stop()
                raise UserError(f"the virtual board did not start within {START_SECONDS} s")
        line = self._process.stdout.readline()
        if not line.startswith("port "):
            rest = line + self._process.stdout.read()
            raise UserError(f"the virtual board did not start: {rest.strip()}")

    def wait(self) -> None:
        """Wait until it ends, or the user does."""
        self._process.wait()

    def stop(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.communicate(timeout=START_SECONDS)

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def look(board: Board, port: str) -> dict[str, int]:
    """Return what the board at a port says of itself.

    Raises UserError, within seconds, when it is silent, another one or of another configuration.
    """
    try:
        with UartBone.open(port, board.baud, timeout=ANSWER_SECONDS) as bridge:
            bridge.resync()
            return Host(bridge, board.config).identify()
    except (BridgeError, BoardError) as error:
        raise UserError(str(error)) from None


@contextlib.contextmanager
def litex_client(board: Board, port: str) -> Iterator[LitexBus]:
    """Start LiteX's server on a port and connect LiteX's client to it.

    Raises UserError, with what the server said, when they do not come together.
    """
    remote = importlib.import_module("litex.tools.litex_client")
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        tcp = probe.getsockname()[1]
    command = [sys.executable, "-u", "-c", "from litex.tools.litex_server import main; main()"]
    command += ["--uart", "--uart-port", port, "--uart-baudrate", str(board.baud)]
    command += ["--bind-port", str(tcp)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            client = remote.RemoteClient(port=tcp)
            try:
                client.open()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    server.kill()
                    out = server.communicate()[0].strip()
                    raise UserError(f"litex_server did not start on {port}: {out}") from None
                time.sleep(0.1)
        # A simulated board answers more slowly than LiteX expects.
        client.socket.settimeout(120)
        try:
            yield LitexBus(client)
        finally:
            client.close()
    finally:
        server.kill()
        server.communicate()
