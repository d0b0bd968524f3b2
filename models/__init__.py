# SPDX-License-Identifier: Apache-2.0
"""Golden models: numpy and integers, no simulator; usable as a library on its own."""
