#!/bin/sh
# Runs edgemint, the first argument. The issuer of a rehearsal is an address of this machine, which `edgemint check` must
# report as an error. This takes that one finding out of its output, so that the rest is as for a real deployment.
edgemint=$1
shift
[ "$1" = check ] || exec "$edgemint" "$@"
found=$("$edgemint" "$@" 2> summary)
code=$?
case $found in
'{'*)
  found=$(printf '%s\n' "$found" | jq -c '
    .findings |= map(select(.message | startswith("is an address of this machine") | not))
    | .ok = all(.findings[]; .level != "error")')
  if printf '%s\n' "$found" | jq -e .ok > /dev/null; then code=0; fi
  ;;
*'ISSUER is an address of this machine'*)
  found=$(printf '%s\n' "$found" | sed '/ISSUER is an address of this machine/d')
  if grep -q ': 1 error,' summary; then code=0; fi
  sed -i 's/: 1 error,/: 0 errors,/' summary
  ;;
esac
printf '%s\n' "$found"
cat summary >&2
exit $code
