#!/bin/sh
# Ticks again and again: every event is one line of JSON with its trigger and its payload.
set -eu

interval=60
while IFS='=' read -r key value || [ -n "$key" ]; do
    value=${value#\'}
    value=${value%\'}
    case $key in
    poll_interval) interval=$value ;;
    esac
done

count=0
while :; do
    count=$((count + 1))
    printf '{"trigger": "@ref@.ticked", "payload": {"count": %d}}\n' "$count"
    sleep "$interval"
done
