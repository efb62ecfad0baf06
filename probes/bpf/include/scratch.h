/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where an exec event is put together: too large for the stack, too varied for a reserve. */
#ifndef KINTRACE_SCRATCH_H
#define KINTRACE_SCRATCH_H

#include "event.h"
#include "kernel.h"

/* All variable parts at their largest; a per-CPU value ends at 32 KiB. */
#define DATA_BYTES 31744

#define ENV_BYTES_MAX	      4096
#define INTERPRETER_BYTES_MAX 256

struct exec_scratch {
	__u64 walk_dentry; /* struct dentry *, where a path walk stands */
	__u64 walk_mount;  /* struct mount * */
	__u64 walk_root;   /* struct dentry *, the root of walk_mount */
	__u32 walk_start;  /* offset in data where the path began */
	__u32 used;	   /* bytes of data in use */
	struct exec_event event;
	__u8 data[DATA_BYTES];
};

struct args_scratch {
	struct exec_args_event event;
	__u8 bytes[ARGS_CHUNK_BYTES];
};

struct env_scratch {
	__u32 prefix_bits; /* with `text`, the key of a look-up in env_names */
	__u8 text[ENV_VALUE_BYTES];
};

/* Each used by on_exec alone, for one event at a time; read by nobody else. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct exec_scratch);
} exec_scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct args_scratch);
} args_scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct env_scratch);
} env_scratches SEC(".maps");

/* Used by the task iterator alone: it can be interrupted by on_exec. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_snapshot);
} snapshot_scratches SEC(".maps");

static __always_inline struct exec_scratch *exec_scratch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&exec_scratches, &zero);
}

/* Keeps the compiler from proving away a bound that the verifier needs to see. */
#define hide_value(value) asm volatile("" : "+r"(value))

#endif
