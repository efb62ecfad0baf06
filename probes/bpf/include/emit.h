/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one door to user space: numbers every event, hands it over, counts what could not be handed over.
 *
 * seen (sequences) = submitted + lost, per CPU, at every moment between two events.
 */
#ifndef KINTRACE_EMIT_H
#define KINTRACE_EMIT_H

#include "event.h"
#include "kernel.h"
#include "knobs.h"

/* Written by every program, read by the agent; bounded by its size, full: the event is lost and counted. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Events seen on this CPU, by enum program. Written here, read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_MAX);
	__type(key, __u32);
	__type(value, __u64);
} sequences SEC(".maps");

/* Events lost, at kind * LOST_REASON_MAX + reason. Written here, read by the agent. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_KIND_MAX * LOST_REASON_MAX);
	__type(key, __u32);
	__type(value, __u64);
} lost SEC(".maps");

/* Takes the next number of this program on this CPU: it does not interrupt itself, so ++ is enough. */
static __always_inline __u64 next_sequence(__u32 program)
{
	__u64 *sequence = bpf_map_lookup_elem(&sequences, &program);

	if (!sequence)
		return 0;
	return ++*sequence;
}

static __always_inline void count_lost(__u32 kind, __u32 reason)
{
	__u32 key = kind * LOST_REASON_MAX + reason;
	__u64 *count = bpf_map_lookup_elem(&lost, &key);

	/* Two programs can count the same kind: a cgroup. */
	if (count)
		__sync_fetch_and_add(count, 1);
}

static __always_inline void fill_header(struct event_header *header, __u32 program, __u32 kind,
					__u32 size)
{
	header->ktime_ns = bpf_ktime_get_boot_ns();
	header->sequence = next_sequence(program);
	header->kind = kind;
	header->size = size;
	header->flags = 0;
	header->cpu = bpf_get_smp_processor_id();
}

/* A wake-up per event costs the traced process ten times the event: docs/overhead.md. */
static __always_inline __u64 wakeup_flag(void)
{
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= wakeup_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Room for an event of fixed size with its header filled, or NULL after counting the loss. */
static __always_inline void *event_reserve(__u32 program, __u32 kind, __u64 size)
{
	struct event_header *header = bpf_ringbuf_reserve(&events, size, 0);

	if (!header) {
		next_sequence(program);
		count_lost(kind, LOST_RING_FULL);
		return NULL;
	}
	__builtin_memset(header, 0, size);
	fill_header(header, program, kind, size);
	return header;
}

static __always_inline void event_submit(void *event)
{
	bpf_ringbuf_submit(event, wakeup_flag());
}

/* Hands over the used bytes of a scratch event whose header is filled. Returns 0, or counts the loss. */
static __always_inline long event_output(struct event_header *header, __u64 size)
{
	long error = bpf_ringbuf_output(&events, header, size, wakeup_flag());

	if (error)
		count_lost(header->kind, LOST_RING_FULL);
	return error;
}

/* An event that was seen but could not even be written down. */
static __always_inline void event_unwritten(__u32 program, __u32 kind)
{
	next_sequence(program);
	count_lost(kind, LOST_NO_SCRATCH);
}

#endif
