// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f endpoint.f
rack/generated/sp_uplink_regs_pkg.sv
rack/generated/sp_uplink_regs.sv
rack/sp_supernode.sv
rack/sp_switch_chip.sv
rack/sp_two_tier.sv
rack/sp_uplink.sv
rack/sp_uplink_store.sv
