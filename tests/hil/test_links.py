# SPDX-License-Identifier: Apache-2.0
"""Links of a board: training, status, counters, and how they bear wrong bits.

Registers of both ends are read, so that what one has sent can be held against what the other took;
that packets come exactly once is said by the checkers of the ports, as in the other tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest

from switchproof.ci import evidence
from switchproof.tb.board import LINK_UP, Board, Registers
from tests.hil.test_bring_up import PATIENCE, clean, finish, set_up

pytestmark = [pytest.mark.hil, pytest.mark.links]
DOWN, TRAIN = 0, 1
#: Counters of what must not happen on a wire without errors.
BAD = (
    "llr_tx_again", "llr_tx_nack", "llr_tx_replay", "llr_tx_replay_timeout", "llr_rx_nack",
    "llr_rx_nack_old", "llr_rx_ack_nack_seq_error", "cbfc_rx_freed_error", "llr_rx_duplicate_seq",
    "llr_rx_missing_seq", "llr_rx_damaged", "llr_rx_bad", "llr_rx_malformed", "llr_rx_epoch",
    "cbfc_rx_overflow", "link_retrain", "link_flush", "link_dead", "llr_data_age_timeout",
    "link_peer", "tx_bad_length", "llr_tx_discard", "clock_overflow", "lost_packets",
    "injected_bits",
)  # fmt: skip
#: Mean cycles from one wrong bit to the next, each way, in the sweep. A frame of full length takes
#: 33 cycles, so that at the end every other one is damaged.
SPACINGS = (0, 20_000, 2_000, 500, 150, 50)


def both(link: tuple[Registers, Registers], name: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return the fields of a register at both ends."""
    return link[0].fields(name), link[1].fields(name)


def counts(end: Registers) -> dict[str, int]:
    """Return all counters of an end."""
    first = end.map.address("llr_tx_ok")
    return end.read_all(r.name for r in end.map.registers.values() if r.address >= first)


def until(done: Callable[[], bool], what: str) -> None:
    """Wait for something."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"


def states(link: tuple[Registers, Registers]) -> tuple[int, int]:
    """Return the states of both ends."""
    first, second = both(link, "status")
    return first["state"], second["state"]


def quiet(board: Board, link: tuple[Registers, Registers]) -> None:
    """Wait until each end has taken all frames that the other has sent."""
    until(
        lambda: all(
            a.read("llr_tx_ok") == b.read("llr_rx_expected_seq_good") for a, b in (link, link[::-1])
        ),
        "all frames are taken",
    )


def access_cycles(board: Board) -> int:
    """Return the cycles of the board that an access over the line takes, about."""
    begin = board.cycles()
    for _ in range(4):
        board.cycles()
    return max(1, (board.cycles() - begin) // 10)


# ------------------------------------------------------------------------------------ the tests


def test_link_registers(board: Board) -> None:
    """Every bit of an end's scratch register, and what is refused there, or between the ends."""
    board.registers.write("control", clear=1)
    refused = 0
    for link in board.links:
        for end in link:
            assert both(link, "lanes")[0]["value"] == board.config.flit_w // 128
            for bit in range(32):
                for word in (1 << bit, ~(1 << bit) & 0xFFFFFFFF):
                    end.write("scratch", word)
                    assert end.read("scratch") == word
            end.write("command", clear=1)
            for address in (0x4C, 0xFC):
                end.write(address, 1)
                assert end.read(address) == 0
            end.write("llr_tx_ok", 1)
            assert end.read("bad_accesses") == 5
            # Behind the registers of an end there is nothing, and nobody counts it but the bridge.
            assert end.read(0x100) == 0
            refused += 6
    behind = 2 * len(board.links)
    assert board.bus.read(board.links[0][0].base + 0x1000 * behind) == [0]
    assert board.registers.read("bus_errors") == refused + 1
    assert board.registers.read("bad_accesses") == 0


def test_training(board: Board) -> None:
    """Links come up, go down when they are told to, and wait for a peer that says nothing."""
    board.reset()
    for link in board.links:
        lanes = (1 << link[0].read("lanes")) - 1
        wanted = {
            "state": LINK_UP, "unfit_width": 0, "unfit_seq": 0, "unfit_version": 0,
            "rx_lanes": lanes, "tx_lanes": lanes,
        }  # fmt: skip
        for end, peer in (link, link[::-1]):
            assert both(link, "status") == (wanted, wanted)
            assert end.read("link_up") == peer.read("link_up") == 1
            assert end.read("left") == 0
            # One end is disabled: it goes down; the other hears nothing, retrains, gives up, and
            # trains anew.
            peer.write("age_cycles", 20_000)
            peer.write("dead_cycles", 2_000)
            end.write("control", enable=0)
            until(lambda e=end, p=peer: (e.fields("status")["state"], p.fields("status")["state"])
                  == (DOWN, TRAIN), "one end down, the other in training")  # fmt: skip
            left = {"to": 2, "dead": 0, "aged": 0, "peer": 0, "over": 0, "disabled": 1}
            assert end.fields("left") == left
            assert peer.fields("left") == left | {"aged": 1, "disabled": 0}
            assert peer.read("link_dead") == peer.read("link_retrain") == 1
            assert peer.read("llr_data_age_timeout") == peer.read("link_flush") == 1
            assert end.read("link_flush") == 1 and end.read("link_dead") == 0
            end.write("control", enable=1)
            until(lambda k=link: states(k) == (LINK_UP, LINK_UP), "up again")
            assert end.read("link_up") == peer.read("link_up") == 2
            # The wire from the peer carries nothing: both stay in training, until it does.
            end.write("control", 0)
            peer.write("control", 0)
            until(lambda k=link: states(k) == (DOWN, DOWN), "both down")
            peer.write("control", enable=1, silent=15)
            end.write("control", enable=1)
            begin = board.cycles()
            until(lambda b=begin: board.cycles() > b + 50_000, "time passes")
            assert states(link) == (TRAIN, TRAIN)
            assert end.read("link_up") == peer.read("link_up") == 2
            assert end.fields("status")["rx_lanes"] == 0
            assert peer.fields("status")["rx_lanes"] == lanes
            peer.write("control", enable=1)
            until(lambda k=link: states(k) == (LINK_UP, LINK_UP), "up, as the wire is mended")
            assert end.read("link_up") == peer.read("link_up") == 3
            board.reset()


@pytest.mark.traffic
def test_link_counters(board: Board, seed: int) -> None:
    """Full rate through links: frames that left are frames that were taken, and nothing is bad."""
    expected = set_up(board, seed, 1000)
    for link in board.links:
        for end in link:
            end.write("command", clear=1)
    board.registers.write("control", run=1)
    clean(board, finish(board), expected)
    for number, link in enumerate(board.links):
        quiet(board, link)
        found = [counts(end) for end in link]
        flits = (board.registers.read(f"port[{number}].sent_flits"), expected[number].flits)
        frame = link[0].read("frame_units")
        for end in (0, 1):
            assert {name: found[end][name] for name in BAD if found[end][name]} == {}
            frames = found[end]["llr_tx_ok"]
            assert frames == found[1 - end]["llr_rx_expected_seq_good"]
            # A flit is a unit; packets of one unit have no other, and the longest fill a frame.
            assert flits[end] / frame < frames <= 2 * flits[end]
        # Without packets a trailer leaves every KEEPALIVE_CYCLES.
        for end in link:
            every = end.read("keepalive_cycles")
            begin, before = board.cycles(), end.read("llr_tx_ctl")
            until(lambda b=begin, e=every: board.cycles() > b + 30 * e, "time passes")
            after, ended = end.read("llr_tx_ctl"), board.cycles()
            assert 20 <= after - before <= (ended - begin) / every + 2


@pytest.mark.traffic
def test_bit_errors(board: Board, seed: int) -> None:
    """Wrong bits at rates up to where every other frame is lost: all packets come exactly once."""
    rows: list[dict[str, int | float]] = []
    shares: dict[int, float] = {}
    for spacing in SPACINGS:
        expected = set_up(board, seed, 3000)
        rate = round(2**32 / spacing) if spacing else 0
        for link in board.links:
            for end in link:
                # It must never give up, whatever chance brings.
                end.write("limits", train_beats=8, replay=255, retrain=255)
                end.write("age_cycles", 0xFFFFFF)
                end.write("replay_cycles", 500)
                end.write("keepalive_cycles", 200)
                end.write("inject_seed", (seed + spacing) & 0xFFFFFFFF)
                end.write("command", load=1, clear=1)
        before = board.cycles()
        for link in board.links:
            for end in link:
                end.write("inject_rate", rate)
        board.registers.write("control", run=1)
        found = finish(board)
        for link in board.links:
            for end in link:
                end.write("inject_rate", 0)
        cycles = board.cycles() - before
        # The injector keeps its rate: reading and writing take some of the cycles.
        mean = cycles / spacing if spacing else 0
        shares[spacing] = 0
        for number, link in enumerate(board.links):
            quiet(board, link)
            flits = (int(found["sent_flits"][number]), expected[number].flits)
            ends = [counts(end) for end in link]
            for end, (own, peer) in enumerate((ends, ends[::-1])):
                bad = peer["llr_rx_damaged"] + peer["llr_rx_bad"]
                share = own["llr_tx_again"] / own["llr_tx_ok"]
                shares[spacing] = max(share, shares[spacing])
                rows.append(
                    {
                        "spacing": spacing, "cycles": cycles, "link": number, "end": end,
                        "injected": own["injected_bits"], "bad": bad,
                        "nacks": peer["llr_tx_nack"], "replays": own["llr_tx_replay"],
                        "frames": own["llr_tx_ok"], "again": own["llr_tx_again"],
                    }
                )  # fmt: skip
                assert own["injected_bits"] <= mean + 6 * mean**0.5
                assert own["injected_bits"] >= 0.5 * mean - 6 * mean**0.5
                # A bad frame has a wrong bit; one within data is found, and a frame may have two.
                assert bad <= own["injected_bits"]
                within = flits[end] / spacing if spacing else 0
                assert bad >= 0.4 * within - 6 * within**0.5
                assert peer["llr_rx_malformed"] == peer["cbfc_rx_overflow"] == 0
                assert own["llr_tx_again"] >= peer["llr_rx_duplicate_seq"]
                if not bad:
                    assert own["llr_tx_again"] == own["llr_tx_replay"] == 0
                assert own["link_flush"] == own["lost_packets"] == own["llr_tx_discard"] == 0
        clean(board, found, expected)
    evidence.write("hil_bit_errors", rows)
    assert shares[0] == 0 and shares[50] > 0.2, "frames are lost steadily in the end"
    assert shares[50] > 3 * shares[500] > 0, "and the more, the more bits are wrong"


@pytest.mark.traffic
def test_retraining(board: Board, seed: int) -> None:
    """The wire goes silent, one way and the other, while packets fly: all come exactly once."""
    packets = 300
    expected = set_up(board, seed, packets)
    # Traffic shall last for some accesses of the host, whatever they take of the board's time.
    gap = min(0xFFFF, 150 * access_cycles(board) // packets)
    for port in range(board.config.ports):
        board.registers.write(f"port[{port}].pace", gap=gap)
    for link in board.links:
        for end in link:
            end.write("limits", train_beats=8, replay=8, retrain=255)
            end.write("age_cycles", 0xFFFFFF)
            end.write("dead_cycles", 5_000)
            end.write("command", clear=1)
    board.registers.write("control", run=1)
    for link in board.links:
        for times, end in enumerate((*link, *link[::-1]), start=1):
            peer = link[1] if end is link[0] else link[0]
            before = peer.read("link_dead")
            end.write("control", enable=1, silent=15)
            until(lambda p=peer, n=before: p.read("link_dead") > n, "nothing is heard")
            assert peer.fields("left")["to"] == 1
            end.write("control", enable=1)
            until(lambda k=link: states(k) == (LINK_UP, LINK_UP), "up again")
            assert end.read("link_up") >= times and peer.read("link_up") >= times
    done = [board.registers.fields(f"port[{p}].status")["done"] for p in range(board.config.ports)]
    assert not any(done), "under load"
    found = finish(board)
    for link in board.links:
        quiet(board, link)
        ends = [counts(end) for end in link]
        for own in ends:
            assert own["link_flush"] == own["lost_packets"] == own["llr_data_age_timeout"] == 0
            assert own["link_up"] >= 4 and own["link_retrain"] + own["link_peer"] >= 4
        assert np.sum([own["link_retrain"] for own in ends]) >= 4
    clean(board, found, expected)
