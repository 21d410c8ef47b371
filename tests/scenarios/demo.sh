#!/usr/bin/env bash
# The demo itself, without its pauses; and what it tells people to play with.
PATRONUS_DEMO_PLAY=1 exec "$(dirname "$(readlink -f "$0")")/../../scripts/demo" --fast
