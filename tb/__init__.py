# SPDX-License-Identifier: Apache-2.0
"""What runs inside a simulation: pipes, agents, scoreboards, coverage, sequences, harness."""
