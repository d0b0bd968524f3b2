// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f link.f
endpoint/sp_endpoint_pkg.sv
endpoint/sp_atomic_alu.sv
endpoint/sp_atomic_table.sv
endpoint/sp_banks.sv
endpoint/sp_completer.sv
