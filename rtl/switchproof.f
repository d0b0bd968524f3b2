// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
common/sp_pkg.sv
csr/generated/sp_csr_regs_pkg.sv
common/sp_fifo.sv
common/sp_rr_arbiter.sv
common/sp_skid_buffer.sv
common/sp_stage.sv
crossbar/sp_crossbar.sv
crossbar/sp_egress.sv
crossbar/sp_heads.sv
crossbar/sp_ingress.sv
crossbar/sp_injector.sv
crossbar/sp_islip.sv
crossbar/sp_islip_rolling.sv
crossbar/sp_route.sv
crossbar/sp_voq.sv
crossbar/sp_voq_pipelined.sv
csr/generated/sp_csr_regs.sv
csr/sp_csr.sv
csr/sp_event_counters.sv
reduction/sp_exact_lane.sv
reduction/sp_exact_lanes.sv
reduction/sp_reduction_engine.sv
top/sp_switch_core.sv
