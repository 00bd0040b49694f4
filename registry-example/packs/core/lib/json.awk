# A small JSON reader and writer. Run it with LC_ALL=C, so that it sees bytes.
#
#   MODE=encode          any text on standard input -> one JSON string
#   MODE=check           status 0 when the input is one JSON value
#   MODE=strings         status 0 when the input is an array of non-empty strings; prints how many
#   MODE=member NAME=n   the raw text of member n of the root object; status 3 when absent
#   MODE=text NAME=n     the same, decoded, for a string member; status 3 when it is not a string
#   MODE=pairs           one "name: value" line per scalar member of the root object
#
# "encode" expects one extra byte at the end of its input. It keeps final newlines countable.

BEGIN {
    mode = ENVIRON["MODE"]
    wanted = ENVIRON["NAME"]
    max_depth = 64
    for (i = 0; i < 256; i++) {
        byte[i] = sprintf("%c", i)
        if (i > 0) code[byte[i]] = i
    }
    whitespace = " \t\r\n"
    if (mode != "encode") RS = byte[1]
}

mode == "encode" { lines[NR] = $0; next }

# JSON holds no raw control characters, so all of it is one record.
NR == 1 { text = $0 }

NR > 1 { broken = 1 }

END {
    if (mode == "encode") {
        encode()
        exit 0
    }
    size = length(text)
    pos = 1
    members = 0
    items = 0
    plain_items = 1
    skip()
    root = value(0)
    skip()
    if (!broken && pos <= size) broken = 1
    if (broken) exit 2
    if (mode == "check") exit 0
    if (mode == "strings") {
        if (root != "array" || !plain_items) exit 2
        print items
        exit 0
    }
    if (root != "object") exit 2
    if (mode == "pairs") {
        for (i = 1; i <= members; i++) {
            if (kind[i] == "object" || kind[i] == "array") exit 2
            shown = kind[i] == "string" ? decode(raw[i]) : raw[i]
            if (shown == "null" && kind[i] != "string") continue
            if (name[i] shown ~ /[\001-\037]/) exit 2
            print name[i] ": " shown
        }
        exit 0
    }
    for (i = members; i >= 1; i--) {
        if (name[i] != wanted) continue
        if (mode == "text" && kind[i] != "string") exit 3
        print mode == "text" ? decode(raw[i]) : raw[i]
        exit 0
    }
    exit 3
}

function skip() {
    while (pos <= size && index(whitespace, substr(text, pos, 1))) pos++
}

function value(depth,    c) {
    if (broken || depth > max_depth || pos > size) {
        broken = 1
        return ""
    }
    c = substr(text, pos, 1)
    if (c == "{") return object(depth)
    if (c == "[") return array(depth)
    if (c == "\"") {
        string()
        return "string"
    }
    if (match(substr(text, pos, 400), /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/)) {
        pos += RLENGTH
        return "number"
    }
    if (substr(text, pos, 4) == "true" || substr(text, pos, 4) == "null") {
        pos += 4
        return "literal"
    }
    if (substr(text, pos, 5) == "false") {
        pos += 5
        return "literal"
    }
    broken = 1
    return ""
}

# Moves behind a string. Its raw text is what lies between the two positions.
function string(    c, follow) {
    pos++
    while (pos <= size) {
        c = substr(text, pos, 1)
        if (c == "\"") {
            pos++
            return
        }
        if (code[c] < 32) break
        if (c == "\\") {
            follow = substr(text, pos + 1, 1)
            if (follow == "u") {
                if (substr(text, pos + 2, 4) !~ /^[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$/) break
                pos += 6
                continue
            }
            if (follow == "" || !index("\"\\/bfnrt", follow)) break
            pos += 2
            continue
        }
        pos++
    }
    broken = 1
}

function array(depth,    start, found) {
    pos++
    skip()
    if (substr(text, pos, 1) == "]") {
        pos++
        return "array"
    }
    while (!broken) {
        skip()
        start = pos
        found = value(depth + 1)
        if (depth == 0) {
            items++
            if (found != "string" || substr(text, start, pos - start) == "\"\"") plain_items = 0
        }
        skip()
        if (substr(text, pos, 1) == "]") {
            pos++
            return "array"
        }
        if (substr(text, pos, 1) != ",") broken = 1
        pos++
    }
    return ""
}

function object(depth,    start, key, found) {
    pos++
    skip()
    if (substr(text, pos, 1) == "}") {
        pos++
        return "object"
    }
    while (!broken) {
        skip()
        if (substr(text, pos, 1) != "\"") {
            broken = 1
            break
        }
        start = pos
        string()
        key = substr(text, start, pos - start)
        skip()
        if (substr(text, pos, 1) != ":") {
            broken = 1
            break
        }
        pos++
        skip()
        start = pos
        found = value(depth + 1)
        if (depth == 0 && !broken) {
            members++
            name[members] = decode(key)
            raw[members] = substr(text, start, pos - start)
            kind[members] = found
        }
        skip()
        if (substr(text, pos, 1) == "}") {
            pos++
            return "object"
        }
        if (substr(text, pos, 1) != ",") broken = 1
        pos++
    }
    return ""
}

function hex(digits,    i, n) {
    n = 0
    for (i = 1; i <= length(digits); i++)
        n = n * 16 + index("0123456789abcdef", tolower(substr(digits, i, 1))) - 1
    return n
}

function utf8(point) {
    if (point == 0) return ""
    if (point < 128) return byte[point]
    if (point < 2048) return byte[192 + int(point / 64)] byte[128 + point % 64]
    if (point < 65536)
        return byte[224 + int(point / 4096)] byte[128 + int(point / 64) % 64] byte[128 + point % 64]
    return byte[240 + int(point / 262144)] byte[128 + int(point / 4096) % 64] \
        byte[128 + int(point / 64) % 64] byte[128 + point % 64]
}

# The text behind a raw JSON string.
function decode(quoted,    out, at, c, point, low) {
    out = ""
    for (at = 2; at < length(quoted); at++) {
        c = substr(quoted, at, 1)
        if (c != "\\") {
            out = out c
            continue
        }
        at++
        c = substr(quoted, at, 1)
        if (c == "n") out = out "\n"
        else if (c == "t") out = out "\t"
        else if (c == "r") out = out "\r"
        else if (c == "b") out = out "\b"
        else if (c == "f") out = out "\f"
        else if (c == "u") {
            point = hex(substr(quoted, at + 1, 4))
            at += 4
            if (point >= 55296 && point < 56320 && substr(quoted, at + 1, 2) == "\\u") {
                low = hex(substr(quoted, at + 3, 4))
                if (low >= 56320 && low < 57344) {
                    point = 65536 + (point - 55296) * 1024 + low - 56320
                    at += 6
                }
            }
            if (point >= 55296 && point < 57344) point = 65533
            out = out utf8(point)
        } else out = out c
    }
    return out
}

# How many bytes the UTF-8 sequence at position at of line has; 0 when it is damaged.
function sequence(line, at,    first, second, n, i) {
    first = code[substr(line, at, 1)]
    if (first >= 194 && first <= 223) n = 2
    else if (first >= 224 && first <= 239) n = 3
    else if (first >= 240 && first <= 244) n = 4
    else return 0
    for (i = 1; i < n; i++) {
        second = code[substr(line, at + i, 1)]
        if (second < 128 || second > 191) return 0
        if (i > 1) continue
        if (first == 224 && second < 160) return 0
        if (first == 237 && second > 159) return 0
        if (first == 240 && second < 144) return 0
        if (first == 244 && second > 143) return 0
    }
    return n
}

# Writes the lines as one JSON string. Damaged UTF-8 becomes the replacement character.
function encode(    i, at, c, n, line) {
    printf "\""
    for (i = 1; i <= NR; i++) {
        line = lines[i]
        if (i == NR) line = substr(line, 1, length(line) - 1)
        if (i > 1) printf "\\n"
        for (at = 1; at <= length(line); at++) {
            c = substr(line, at, 1)
            n = code[c]
            if (c == "\"") printf "%s", "\\\""
            else if (c == "\\") printf "%s", "\\\\"
            else if (c == "\t") printf "%s", "\\t"
            else if (c == "\r") printf "%s", "\\r"
            else if (n < 32 || n == 127) printf "\\u%04x", n
            else if (n < 128) printf "%s", c
            else {
                n = sequence(line, at)
                if (n == 0) printf "%s", "\\ufffd"
                else {
                    printf "%s", substr(line, at, n)
                    at += n - 1
                }
            }
        }
    }
    printf "\""
}
