// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f link.f
endpoint/generated/sp_endpoint_regs_pkg.sv
endpoint/sp_endpoint_event_pkg.sv
endpoint/sp_endpoint_pkg.sv
endpoint/sp_requester_pkg.sv
endpoint/generated/sp_endpoint_regs.sv
endpoint/sp_atomic_alu.sv
endpoint/sp_atomic_table.sv
endpoint/sp_banks.sv
endpoint/sp_check_crc.sv
endpoint/sp_check_none.sv
endpoint/sp_check_step.sv
endpoint/sp_checks.sv
endpoint/sp_collective.sv
endpoint/sp_collective_none.sv
endpoint/sp_collective_path.sv
endpoint/sp_collective_send.sv
endpoint/sp_collective_store.sv
endpoint/sp_completer.sv
endpoint/sp_endpoint.sv
endpoint/sp_endpoint_csr.sv
endpoint/sp_event_queue.sv
endpoint/sp_fifo_block.sv
endpoint/sp_planes.sv
endpoint/sp_requester.sv
endpoint/sp_requester_answer.sv
endpoint/sp_requester_least.sv
endpoint/sp_requester_map.sv
endpoint/sp_requester_plane.sv
endpoint/sp_requester_read.sv
endpoint/sp_requester_ring.sv
endpoint/sp_requester_send.sv
endpoint/sp_requester_write.sv
endpoint/sp_seal.sv
endpoint/sp_unit_memory.sv
endpoint/sp_unseal.sv
