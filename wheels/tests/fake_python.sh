#!/bin/sh
# Stands in for python3 in the tests: notes that it was called, then does what the file `behaviour` beside the
# link it was called through says. $destination is the folder pip was told to download to.
here=$(dirname "$0")
echo "$@" >> "$here/calls"
while [ $# -gt 0 ]; do
    case "$1" in
        --dest) destination=$2; shift ;;
        --requirement) requirements=$2; shift ;;
    esac
    shift
done
. "$here/behaviour"
