# The merge one would write in jq: per ref the newest version.
.[0] + {packs: ([.[].packs[]] | group_by(.ref) | map(max_by(.version | split(".") | map(tonumber))))}
