/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Arguments and wanted environment variables, read from the new image's own memory, right after the
 * kernel wrote them there and before the program can change them.
 */
#ifndef KINTRACE_MEMORY_H
#define KINTRACE_MEMORY_H

#include "emit.h"
#include "event.h"
#include "kernel.h"
#include "knobs.h"
#include "scratch.h"

#define ARGS_PARTS_MAX 128 /* of ARGS_CHUNK_BYTES: 1 MiB */
#define ENV_STRINGS    512 /* looked at per round */
#define ENV_ROUNDS     8

/*
 * "NAME=" of each wanted variable, as a prefix of the string in the environment. Written by the agent
 * before load, read here. A trie, since one look-up then finds the name without looking for the '='.
 */
struct env_name {
	__u32 prefix_bits;
	__u8 text[ENV_NAME_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct env_name);
	__type(value, __u8);
} env_names SEC(".maps");

/* Sends `count` full chunks of arguments from `start`; returns how many went out. */
__noinline int send_args(__u64 start, __u32 count)
{
	struct exec_scratch *exec = exec_scratch();
	__u32 zero = 0;
	struct args_scratch *scratch = bpf_map_lookup_elem(&args_scratches, &zero);

	if (!exec || !scratch)
		return 0;
	for (__u32 i = 0; i < ARGS_PARTS_MAX; i++) {
		if (i >= count)
			return count;
		if (bpf_probe_read_user(scratch->bytes, ARGS_CHUNK_BYTES,
					(void *)(start + i * ARGS_CHUNK_BYTES)))
			return i;
		fill_header(&scratch->event.header, PROGRAM_EXEC, EVENT_EXEC_ARGS,
			    sizeof(*scratch));
		scratch->event.id = exec->event.task.id;
		scratch->event.index = i;
		scratch->event.len = ARGS_CHUNK_BYTES;
		event_output(&scratch->event.header, sizeof(*scratch));
	}
	return ARGS_PARTS_MAX;
}

/* Arguments beyond one chunk leave first, in samples of their own; the rest ends up in the scratch. */
static __always_inline __u32 read_args(struct exec_scratch *scratch, __u64 start, __u64 end)
{
	struct exec_event *event = &scratch->event;
	__u64 wanted = end - start;
	__u32 used = scratch->used, parts, rest, flags = 0;

	event->args_size = wanted;
	if (wanted > args_limit) {
		wanted = args_limit;
		flags |= EVENT_TRUNCATED_ARGS;
	}
	parts = wanted / ARGS_CHUNK_BYTES;
	rest = wanted % ARGS_CHUNK_BYTES;
	if (parts) {
		event->args_parts = send_args(start, parts);
		if (event->args_parts != parts)
			return flags | EVENT_MISSING_ARGS;
	}
	hide_value(rest);
	if (rest > ARGS_CHUNK_BYTES || used > DATA_BYTES - ARGS_CHUNK_BYTES)
		return flags | EVENT_MISSING_ARGS;
	if (bpf_probe_read_user(&scratch->data[used], rest,
				(void *)(start + (__u64)parts * ARGS_CHUNK_BYTES)))
		return flags | EVENT_MISSING_ARGS;
	event->args_len = rest;
	scratch->used = used + rest;
	return flags;
}

enum env_state {
	ENV_GOING = 0,
	ENV_DONE = 1,
	ENV_FULL = 2,
	ENV_FAULT = 3,
};

/*
 * One round over at most ENV_STRINGS strings; scratch->walk_dentry is the address it stands at. A string
 * longer than the buffer arrives in pieces: only its first piece can be a name.
 */
__noinline int env_round(__u64 end)
{
	struct exec_scratch *scratch = exec_scratch();
	__u32 zero = 0, used, keep;
	struct env_scratch *env = bpf_map_lookup_elem(&env_scratches, &zero);
	__u64 at;
	long len;

	if (!scratch || !env)
		return ENV_FAULT;
	for (int i = 0; i < ENV_STRINGS; i++) {
		at = scratch->walk_dentry;
		if (at >= end)
			return ENV_DONE;
		len = bpf_probe_read_user_str(env->text, ENV_VALUE_BYTES, (void *)at);
		if (len <= 0)
			return ENV_FAULT;
		/* A full buffer ends in a NUL of its own: the string goes on at the byte it replaced. */
		scratch->walk_dentry = at + (len == ENV_VALUE_BYTES ? len - 1 : len);
		keep = scratch->walk_start;
		scratch->walk_start = len == ENV_VALUE_BYTES;
		if (keep)
			continue;
		env->prefix_bits = (len - 1 > ENV_NAME_BYTES ? ENV_NAME_BYTES : len - 1) * 8;
		if (!bpf_map_lookup_elem(&env_names, env))
			continue;
		used = scratch->used;
		if (scratch->event.env_len + len > ENV_BYTES_MAX ||
		    used > DATA_BYTES - ENV_VALUE_BYTES)
			return ENV_FULL;
		if (len > ENV_VALUE_BYTES)
			return ENV_FAULT;
		bpf_probe_read_kernel(&scratch->data[used], len, env->text);
		scratch->used = used + len;
		scratch->event.env_len += len;
		if (len == ENV_VALUE_BYTES)
			scratch->event.header.flags |= EVENT_TRUNCATED_ENV;
	}
	return ENV_GOING;
}

static __always_inline __u32 read_env(struct exec_scratch *scratch, __u64 start, __u64 end)
{
	__u32 state = ENV_GOING;

	scratch->event.env_size = end - start;
	if (!env_wanted)
		return 0;
	scratch->walk_dentry = start;
	scratch->walk_start = 0;
	for (int i = 0; i < ENV_ROUNDS && state == ENV_GOING; i++)
		state = env_round(end);
	switch (state) {
	case ENV_DONE:
		return 0;
	case ENV_FAULT:
		return EVENT_MISSING_ENV;
	default:
		return EVENT_TRUNCATED_ENV;
	}
}

#endif
