// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f link.f
endpoint/sp_endpoint_pkg.sv
endpoint/sp_requester_pkg.sv
endpoint/sp_requester.sv
endpoint/sp_requester_answer.sv
endpoint/sp_requester_map.sv
endpoint/sp_requester_plane.sv
endpoint/sp_requester_read.sv
endpoint/sp_requester_ring.sv
endpoint/sp_requester_send.sv
endpoint/sp_requester_write.sv
endpoint/sp_unit_memory.sv
