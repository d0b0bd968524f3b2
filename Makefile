# SPDX-License-Identifier: Apache-2.0
#
# The user's interface. Every target sets up .venv when that is needed and calls one command of
# ci/__main__.py, which reads the variables from the environment. `make help` explains them.

PYTHON ?= python3
export TEST SEED SEEDS WAVES PORTS PROFILE JOBS BENCH SUITE BOARD SIZE HOST

RUN   = @$(PYTHON) ci/setup.py $(GROUPS_$@) && exec .venv/bin/python -m switchproof.ci

# Proof and synthesis need packages that a simulation does not.
GROUPS_lint   = extra
GROUPS_formal = extra
GROUPS_exhaustive = extra
GROUPS_fpga   = extra fpga
GROUPS_bench  = $(if $(filter crossbar %_fpga,$(BENCH)),extra) $(if $(filter %_fpga,$(BENCH)),fpga)
GROUPS_hil    = $(if $(filter litex,$(HOST)),litex)

TARGETS = sim test lint formal coverage hil board fpga regress bench mutate exhaustive layout csr help
.PHONY: $(TARGETS) clean
.DEFAULT_GOAL = help

$(TARGETS):
	$(RUN) $@

clean:
	@rm -rf build/sim build/runs build/harness build/bytecode build/report build/formal build/mutate \
	  build/exhaustive
