/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which cgroup a task is in, and the name of each, sent once when it is first seen: no race with a
 * short-lived container, and no look-up in user space that can come too late.
 */
#ifndef KINTRACE_CGROUP_H
#define KINTRACE_CGROUP_H

#include "compat.h"
#include "emit.h"
#include "event.h"
#include "kernel.h"
#include "knobs.h"

#define CGROUP_COMPONENTS 64

/* Cgroups already named. Written and read here; the least used is forgotten when full, and named again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u8);
} named_cgroups SEC(".maps");

struct cgroup_scratch {
	struct cgroup_event event;
	__u8 path[PATH_BYTES_MAX + 2 * (NAME_MAX + 1)];
	__u32 used; /* bytes of path in use */
	__u32 pad;
};

/* By enum program: where the name of a cgroup is put together. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAM_MAX);
	__type(key, __u32);
	__type(value, struct cgroup_scratch);
} cgroup_scratches SEC(".maps");

static __always_inline struct cgroup *read_controller_cgroup(struct css_set *set, __u32 controller)
{
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css),
			      (void *)set + bpf_core_field_offset(struct css_set, subsys) +
				      controller * sizeof(void *));
	return BPF_CORE_READ(css, cgroup);
}

/* On a host with v1 controllers the unified hierarchy is one empty root for everybody. */
static __always_inline struct kernfs_node *read_cgroup_node(struct task_struct *task)
{
	struct css_set *set = task->cgroups;
	struct cgroup *cgroup;

	switch (cgroup_source) {
	case CGROUP_V1_MEMORY:
		cgroup = read_controller_cgroup(set, bpf_core_enum_value(enum cgroup_subsys_id,
									 memory_cgrp_id));
		break;
	case CGROUP_V1_PIDS:
		cgroup = read_controller_cgroup(set, bpf_core_enum_value(enum cgroup_subsys_id,
									 pids_cgrp_id));
		break;
	case CGROUP_V1_CPUSET:
		cgroup = read_controller_cgroup(set, bpf_core_enum_value(enum cgroup_subsys_id,
									 cpuset_cgrp_id));
		break;
	default:
		cgroup = set->dfl_cgrp;
	}
	return BPF_CORE_READ(cgroup, kn);
}

static __always_inline __u64 read_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(read_cgroup_node(task), id);
}

/* Sends EVENT_CGROUP. Called once per cgroup. */
static __always_inline void send_cgroup(__u32 program, struct kernfs_node *node, __u64 id)
{
	struct cgroup_scratch *scratch = bpf_map_lookup_elem(&cgroup_scratches, &program);
	struct kernfs_node *parent;
	__u32 used, size, flags = EVENT_TRUNCATED_CGROUP;
	__u8 seen = 1;
	long len;

	if (!scratch) {
		event_unwritten(program, EVENT_CGROUP);
		return;
	}
	scratch->used = 0;
	for (int i = 0; i < CGROUP_COMPONENTS; i++) {
		parent = read_kernfs_parent(node);
		if (!parent) {
			flags = 0;
			break;
		}
		used = scratch->used;
		if (used > PATH_BYTES_MAX)
			break;
		len = bpf_probe_read_kernel_str(&scratch->path[used], NAME_MAX + 1,
						BPF_CORE_READ(node, name));
		if (len < 0) {
			flags = EVENT_MISSING_CGROUP;
			break;
		}
		scratch->used = used + len;
		node = parent;
	}
	used = scratch->used;
	if (used > PATH_BYTES_MAX + NAME_MAX + 1)
		return;
	size = sizeof(scratch->event) + used;
	fill_header(&scratch->event.header, program, EVENT_CGROUP, size);
	scratch->event.header.flags = flags;
	scratch->event.cgroup_id = id;
	scratch->event.path_len = used;
	scratch->event.pad = 0;
	if (!event_output(&scratch->event.header, size))
		bpf_map_update_elem(&named_cgroups, &id, &seen, BPF_ANY);
}

/* The id of the cgroup of `task`; its name has been sent when this returns. */
static __always_inline __u64 name_cgroup(__u32 program, struct task_struct *task)
{
	struct kernfs_node *node = read_cgroup_node(task);
	__u64 id = BPF_CORE_READ(node, id);

	if (id && !bpf_map_lookup_elem(&named_cgroups, &id))
		send_cgroup(program, node, id);
	return id;
}

#endif
