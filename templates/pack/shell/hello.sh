#!/bin/sh
# Greets somebody: parameters as name='value' lines on standard input, the result as JSON on standard output.
set -eu

name=world
greeting=Hello
while IFS='=' read -r key value || [ -n "$key" ]; do
    value=${value#\'}
    value=${value%\'}
    case $key in
    name) name=$value ;;
    greeting) greeting=$value ;;
    esac
done

if [ -z "$name" ]; then
    # One line on standard error and an exit code: that is how an action fails.
    echo "hello: name is empty" >&2
    exit 1
fi

# Quotes and backslashes, as JSON wants them.
escaped() {
    printf '%s' "$1" | sed 's/[\\"]/\\&/g'
}
printf '{"message": "%s, %s!"}\n' "$(escaped "$greeting")" "$(escaped "$name")"
