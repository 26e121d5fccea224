# SPDX-License-Identifier: ISC
# shellcheck shell=bash disable=SC2154
#
# Shared by block.plan and block_threads.plan, which set engine (ours) and the
# array fio (options of fio's engine).

# Options of fio for requests of the same number and size.
fio_options=(--name=block --size=256m --direct=1 --time_based=1 --runtime=1
    --thread=1 --norandommap=1 --randrepeat=0 --gtod_reduce=1 --invalidate=1
    --output-format=json)

# Each point is measured for one second.
each_point()
{
    local pattern depth

    for pattern in read write randread randwrite; do
        for depth in 1 8 32; do
            "$1" "$pattern" "$depth" "${pattern}_$depth"
        done
    done
}

declare_point()
{
    local what=$1 bytes=", 128 KiB each"

    case $1 in
    rand*) what="random ${1#rand}" bytes=", 4 KiB each" ;;
    esac
    figure "$3" "$what$bytes, $2 under way"
    figure "$3_cpu" "the same: processor time of one"
    goal "$3" fio ">=" 0.95
    goal "$3_cpu" fio "<=" 1
}

our_point()
{
    local flags=(--bytes=131072)

    case $1 in
    rand*) flags=(--bytes=4096 --scattered) ;;
    esac
    case $1 in
    *write) flags+=(--writing) ;;
    esac
    "$bin/block" --file="$out/disk.img" --figure="$3" --depth="$2" \
        --block-engine="$engine" "${flags[@]}"
}

fio_point()
{
    local size=128k

    case $1 in
    rand*) size=4k ;;
    esac
    fio_depth "$2"
    # The processor time of the whole process, minus that for a single request:
    # fio itself does not count the threads of some engines.
    fio_time "$out/fio.json" --rw="$1" --bs="$size" >"$out/fio.time"
    fio_time "$out/fio.one" --rw="$1" --bs="$size" --time_based=0 --runtime=0 \
        --number_ios=1 >>"$out/fio.time"
    python3 - "$3" "$out/fio.json" "$out/fio.time" <<'END_OF_PYTHON'
import json, sys
rate = requests = 0
for job in json.load(open(sys.argv[2]))["jobs"]:
    for way in "read", "write":
        rate += job[way]["bw_bytes"]
        requests += job[way]["total_ios"]
times = [sum(map(float, line.split())) for line in open(sys.argv[3])]
print(sys.argv[1], rate, "B/s")
print(sys.argv[1] + "_cpu", (times[0] - times[1]) / requests, "s")
END_OF_PYTHON
}

# fio_time FILE OPTION...: runs fio, with output to FILE; prints its times
fio_time()
{
    local TIMEFORMAT='%3U %3S' answer=$1

    shift
    { time fio "${fio_options[@]}" "${fio[@]}" --filename="$out/disk.img" "$@" \
        >"$answer" 2>/dev/null; } 2>&1
}

prepare()
{
    dd if=/dev/urandom of="$out/disk.img" bs=1M count=256 2>/dev/null
    sync "$out/disk.img"
}

rounds=${ROUNDS:-5}
note "$(fio --version)"
each_point declare_point

# The speed of a disk varies, so at each point fio runs immediately after ours.
# Its results are printed later.
both()
{
    our_point "$@"
    fio_point "$@" >>"$out/fio.lines"
}

ours()
{
    rm -f "$out/fio.lines"
    each_point both
}

theirs() { cat "$out/fio.lines"; }

run ours "fibers" ours
run fio  "fio" theirs
