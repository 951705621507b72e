#!/usr/bin/env bash
# Usage: hack/deadcode.sh MODULE...
# Fails when a function of the modules is reached by no program and no test. In the module of the operator, which others may
# import, a function also needs a use outside of tests, here or in another module, unless hack/deadcode.allow lists it.
set -o errexit -o nounset -o pipefail
