// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f switchproof.f
link/generated/sp_link_regs_pkg.sv
link/sp_link_pkg.sv
link/generated/sp_link_regs.sv
link/sp_link.sv
link/sp_link_align.sv
link/sp_link_buffer.sv
link/sp_link_check.sv
link/sp_link_clock.sv
link/sp_link_crc.sv
link/sp_link_credit.sv
link/sp_link_csr.sv
link/sp_link_end.sv
link/sp_link_inject.sv
link/sp_link_lanes.sv
link/sp_link_pack.sv
link/sp_link_port.sv
link/sp_link_rx.sv
link/sp_link_train.sv
link/sp_link_tx.sv
