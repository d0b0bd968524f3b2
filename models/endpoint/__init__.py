# SPDX-License-Identifier: Apache-2.0
"""Golden models of the endpoint, made from docs/endpoint.md."""
