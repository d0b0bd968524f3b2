# SPDX-License-Identifier: Apache-2.0
"""Golden models of the endpoint: docs/endpoint.md in Python."""
