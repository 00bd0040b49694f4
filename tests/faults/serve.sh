#!/bin/sh
# serve.sh WORK TREE: the server that `served.py ask WORK …` waits for; ends when it has been asked.
set -eu
: > "$1/said"
echo $$ > "$1/pid"
exec "$ATTUNE" registry serve "$2" --listen 127.0.0.1:0 > "$1/said" 2> "$1/err"
