# SPDX-License-Identifier: Apache-2.0
"""Golden models of the endpoint: what it sends, what it executes, and the check of its packets."""
