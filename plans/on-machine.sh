#!/bin/sh
# What tmt does on a machine under test: "prepare" sees that there is a Python, "run" runs the suites and tells tmt.
# Without results.yaml tmt counts an error, so whatever goes wrong before it must end the script.
set -eu
cd "$(dirname "$0")/.."

# The first Python that is new enough and can make a virtual environment.
find_python() {
    for each in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$each"
            return
        fi
    done
    return 1
}

prepare() {
    if [ -n "${KCONFORM_PYTHON:-}" ] || find_python; then
        return
    elif command -v apt-get; then
        apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy python3 python3-venv
    elif command -v dnf; then
        # Some distributions have a python3 that is too old, and a newer one beside it.
        dnf install -qy python3 python3-pip && find_python || dnf install -qy python3.12 python3.12-pip
    elif command -v zypper; then
        zypper --non-interactive install python3 python3-pip && find_python || zypper --non-interactive install python312
    fi
    find_python || { echo "no Python 3.11 or newer is here, and no way to install one is known" >&2; return 1; }
}

run() {
    python="${KCONFORM_PYTHON:-}"
    if [ -z "$python" ]; then
        "$(find_python)" requirements/bootstrap.py .venv requirements/run.txt
        python=.venv/bin/python
    fi
    # Words may be quoted in it as in a shell, and stars are those of row ids.
    set -f
    eval "set -- ${KCONFORM_ARGS:-}"
    # Its exit status is in the results, and from there in what tmt is told.
    "$python" -m pytest suites -n auto --results="$TMT_TEST_DATA/results" "$@" || true
    "$python" -m reports tmt "$TMT_TEST_DATA/results" --output "$TMT_TEST_DATA/results.yaml"
}

"$1"
