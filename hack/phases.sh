# shellcheck shell=bash
# Sourced by scripts that print the duration of their phases.

phases=()
phase_start=0

# phase TITLE: ends the part that runs and begins the next.
phase() {
  phase_end
  phases+=("$1")
  phase_start="${EPOCHREALTIME/[.,]/}"
  printf '\n== %s\n' "$1"
}

# phase_end ends the part that runs.
phase_end() {
  [ "${#phases[@]}" -gt "${#phase_microseconds[@]}" ] || return 0
  phase_microseconds+=("$((${EPOCHREALTIME/[.,]/} - phase_start))")
}
phase_microseconds=()

# phase_times prints how long each part took.
phase_times() {
  phase_end
  local i total=0
  printf '\nTime\n'
  for i in "${!phases[@]}"; do
    total="$((total + phase_microseconds[i]))"
    printf '  %-28s %s\n' "${phases[i]}" "$(phase_duration "${phase_microseconds[i]}")"
  done
  printf '  %-28s %s\n' total "$(phase_duration "${total}")"
}

phase_duration() {
  printf '%3d min %4.1f s' "$(($1 / 60000000))" "$(($1 % 60000000 / 100000))e-1"
}
