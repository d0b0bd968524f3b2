# SPDX-License-Identifier: Apache-2.0
"""What surrounds a link in a simulation: wires, a partner in Python, agents, scoreboard."""
