# lib.sh - what the scripts of this folder share: options, the program to measure. Sourced, after the script
# has set its defaults; `rows` gathers the words that are no options.
# shellcheck shell=bash disable=SC2034
root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
python=/usr/bin/python3
thaw='' rows=()

wrong() {
    echo "$(basename "$0"): $1" >&2
    exit 2
}

skip() {
    echo "skipped: $1"
    exit 77
}

read_options() { # read_options "NAME..." ARG...: --NAME VALUE sets the variable NAME
    local names=" $1 "
    shift
    while [ $# -gt 0 ]; do
        case $1 in
        --help) exec sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0" ;;
        --*)
            [[ $names == *" ${1#--} "* ]] || wrong "there is no option $1"
            [ $# -ge 2 ] || wrong "$1 needs a value"
            declare -g "${1#--}=$2"
            shift ;;
        -*) wrong "there is no option $1" ;;
        *) rows+=("$1") ;;
        esac
        shift
    done
    for build in release test; do
        [ -n "$thaw" ] || [ ! -x "$root/build/$build/thaw" ] || thaw=$root/build/$build/thaw
    done
    [ -x "$thaw" ] || wrong "there is no thaw to measure: ./run build, or give --thaw PROGRAM"
}
