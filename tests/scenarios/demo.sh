#!/usr/bin/env bash
# The demo itself, without its pauses.
exec "$(dirname "$(readlink -f "$0")")/../../scripts/demo" --fast
