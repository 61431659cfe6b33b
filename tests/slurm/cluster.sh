#!/usr/bin/env bash
# A Slurm cluster of this one machine, on loopback, with two fake GPUs, for as long as COMMAND runs:
#   tests/slurm/cluster.sh COMMAND…
# Wants root and Debian's packages: apt-get install --no-install-recommends slurm-wlm munge
set -euo pipefail
dir=$(mktemp -d)
host=$(hostname -s)
started=()
stop() {
  code=$?
  scancel --user="$(id -un)" 2>/dev/null || true
  for _ in $(seq 20); do [ -n "$(squeue --noheader 2>/dev/null)" ] && sleep 1 || break; done
  for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
  sleep 1
  rm -rf "$dir"
  exit "$code"
}
trap stop EXIT

mkdir -p "$dir"/{state,spool,log,dev}
for gpu in 0 1; do mknod "$dir/dev/nvidia$gpu" c 1 3; done  # /dev/null by other names: Slurm wants devices
sed "s|@DIR@|$dir|g; s|@HOST@|$host|g; s|@NODE@|$(slurmd -C | head -1)|" "$(dirname "$0")/slurm.conf" > "$dir/slurm.conf"
echo "NodeName=$host Name=gpu File=$dir/dev/nvidia[0-1]" > "$dir/gres.conf"
export SLURM_CONF="$dir/slurm.conf"

if [ ! -S /run/munge/munge.socket.2 ]; then
  mkdir -p /run/munge && chown munge:munge /run/munge && chmod 755 /run/munge
  setpriv --reuid=munge --regid=munge --clear-groups /usr/sbin/munged
  started+=("$(cat /run/munge/munged.pid)")
fi
slurmctld -D -f "$SLURM_CONF" 2>/dev/null & started+=($!)
slurmd -D -f "$SLURM_CONF" 2>/dev/null & started+=($!)
for _ in $(seq 60); do
  if [ "$(sinfo --noheader --partition=low --format=%T 2>/dev/null)" = idle ]; then ready=yes; break; fi
  sleep 0.5
done
if [ -z "${ready:-}" ]; then tail -n 20 "$dir"/log/*.log >&2; echo "error: the cluster did not start" >&2; exit 1; fi
"$@"
