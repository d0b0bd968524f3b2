// SPDX-License-Identifier: Apache-2.0
// made by `python -m switchproof.ci.filelists`: do not edit
-f endpoint.f
board/generated/sp_board_regs_pkg.sv
board/sp_traffic_pkg.sv
board/sp_uart_pkg.sv
board/generated/sp_board_regs.sv
board/sp_axil_split.sv
board/sp_board.sv
board/sp_board_endpoint.sv
board/sp_board_link.sv
board/sp_board_port.sv
board/sp_board_ram.sv
board/sp_packet_rx.sv
board/sp_packet_tx.sv
board/sp_traffic_check.sv
board/sp_traffic_gen.sv
board/sp_traffic_state.sv
board/sp_uart_bridge.sv
board/sp_uart_rx.sv
board/sp_uart_tx.sv
board/sp_uartbone.sv
