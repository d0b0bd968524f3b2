# SPDX-License-Identifier: Apache-2.0
"""What runs around a simulation: set-up, builds, runner, coverage, report, mutation, lint."""
