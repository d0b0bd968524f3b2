// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f endpoint.f
rack/sp_supernode.sv
rack/sp_switch_chip.sv
rack/sp_two_tier.sv
