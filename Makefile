# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Each process of a test would compile every module anew; containers often set it.
unexport PYTHONDONTWRITEBYTECODE

# Tests wait half of their time, for servers and processes: half as many workers again as there are processors.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) * 3 // 2)")
PYTEST = $(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal

FILE ?= examples/hello.baml

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' $(MAKEFILE_LIST))
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-17s %s\n", $$1, $$2}'

$(READY): pyproject.toml hatch_build.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable . --group dev
	@touch $@

demo: $(READY) ## run the examples against a local mock server: no key, no network
	BAMLVM=$(BIN)/bamlvm sh examples/demo.sh

test: $(READY) ## run all tests
	$(PYTEST)

test-fast: $(READY) ## run the unit and behaviour tests but the slow ones
	$(PYTEST) -m "not slow" tests/unit tests/behaviour

test-translations: $(READY) ## run the tests of the machine in each mode of the second tier
	for mode in 0 eager stress; do BAMLVM_TRANSLATE=$$mode $(PYTEST) \
	  -m "not no_program" --ignore tests/unit/vm/test_native.py tests/unit/vm tests/unit/compiler tests/behaviour || exit 1; done

check: $(READY) ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: $(READY) ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

profile: $(READY) ## profile the Python code of `bamlvm run FILE` (`bamlvm run --profile FILE` profiles the BAML code)
	$(BIN)/python -m cProfile -s tottime -m bamlvm run $(FILE) | head -60

bench: $(READY) ## run the benchmarks (speed, beside peers in the same run)
	$(BIN)/python -m pytest tests/benchmarks --benchmark-enable -q -o addopts="--import-mode=importlib -p no:cacheprovider"

fuzz: $(READY) ## fuzz the parsers for FUZZ_SECONDS (60) seconds with atheris
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group fuzz
	$(BIN)/python -m tests.fuzz.run

soak: $(READY) ## 20,000 calls with random faults (SOAK_CALLS, SOAK_AT_ONCE, SOAK_SEED): nothing may grow
	$(BIN)/python -m tests.soak.soak

load: $(READY) ## 500 streams at once through `bamlvm serve`, beside Starlette by hand (LOAD_STREAMS, LOAD_EVENTS, LOAD_GAP_MS, LOAD_ROUNDS)
	$(BIN)/python -m tests.load.run

attack: $(READY) ## hostile programs, servers, recordings and caches, each in a limited process
	$(BIN)/python -m tests.attack.run

editors: $(READY) ## try the grammars and the clients of editors/: VS Code's, and headless Neovim with the language server
	$(BIN)/python -m editors.grammars --check
	cd editors/vscode && npm install --no-audit --no-fund --no-package-lock && npm test && npm run check && npm run package
	command -v nvim > /dev/null || apt-get install --yes neovim
	BAMLVM="$(abspath $(BIN))/python -m bamlvm" nvim --headless -u NONE --cmd "set rtp^=editors/neovim" \
	  -c "luafile editors/neovim/test/test.lua"

WEB := .venv-web

web-test: ## try the page of `bamlvm dev` in Chromium; screenshots are left in build/web
	command -v chromium > /dev/null || apt-get install --yes chromium
	test -d $(WEB) || $(PYTHON) -m venv $(WEB)
	$(WEB)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(WEB)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[serve]' --group web
	$(WEB)/bin/python -m tests.web.run

RAY := .venv-ray

distributed: ## try `bamlvm batch --engine ray` on a cluster of two nodes, one of which is killed
	test -d $(RAY) || $(PYTHON) -m venv $(RAY)
	$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(RAY)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[ray]'
	unshare -n sh -c 'ip link set lo up && $(RAY)/bin/python -m tests.distributed.run'

INTEROP := .venv-interop
CLIENTS := .venv-clients

interop: ## try real hosts: the LiteLLM proxy, uvicorn on uvloop, gunicorn, Jupyter; and foreign clients of `bamlvm serve`
	test -d $(INTEROP) || $(PYTHON) -m venv $(INTEROP)
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(INTEROP)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group interop
	$(INTEROP)/bin/python -m tests.interop.run
	test -d $(CLIENTS) || $(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[serve]' --group clients
	command -v java > /dev/null || apt-get install --yes default-jre-headless
	$(CLIENTS)/bin/python -m tests.interop.clients

TYPESCRIPT := build/typescript

typescript: $(READY) ## install the TypeScript compiler into build/ (needs Node.js) and try the generated clients
	npm install --silent --no-save --no-audit --no-fund --prefix $(TYPESCRIPT) typescript@5
	$(BIN)/python -m pytest -q tests/unit/tools/generate/test_typescript_module.py

snapshots: $(READY) ## rewrite the compiler's snapshots
	$(BIN)/python -m tests.snapshots.write

docs: $(READY) ## rewrite the generated pages of docs/
	$(BIN)/python -m tests.snapshots.write --docs

SITE := .venv-site

site: ## build the documentation as a site into build/site, with llms.txt
	test -d $(SITE) || $(PYTHON) -m venv $(SITE)
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(SITE)/bin/python -m pip install --quiet --disable-pip-version-check --editable . --group site
	NO_MKDOCS_2_WARNING=1 $(SITE)/bin/python -m mkdocs build --strict --clean
	$(SITE)/bin/python -m tests.pages.site build/site

man: $(READY) ## write the manual page, build/bamlvm.1
	mkdir -p build
	$(BIN)/argparse-manpage --module bamlvm.cli.parser --function whole_parser --project-name bamlvm --prog bamlvm \
	  --manual-title "bamlvm" --output build/bamlvm.1

wheel-test: $(READY) ## build the wheel, install it into a fresh environment, run a program with it
	$(BIN)/python tests/wheel_smoke.py

clean: ## remove what the targets above have made
	rm -rf $(VENV) $(INTEROP) $(CLIENTS) $(SITE) .links dist build
