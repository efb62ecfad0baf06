/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Paths, component by component from the last to the first, across mount points, as d_path does.
 *
 * bpf_d_path is not allowed in tracepoint programs. The walk keeps its state in the scratch map: the
 * verifier then sees the same unknown numbers in each round and does not multiply its states, so a plain
 * bounded loop loads from 5.10 on. A rename at the same moment can mix two names, as it can with a
 * /proc reader; the kernel's own lock against that is out of reach.
 */
#ifndef KINTRACE_PATH_H
#define KINTRACE_PATH_H

#include "event.h"
#include "kernel.h"
#include "scratch.h"

/* Components per round, and rounds: a path of PATH_BYTES_MAX can have 2048 components. */
#define WALK_COMPONENTS 256
#define WALK_ROUNDS	8

enum walk_state {
	WALK_GOING = 0,
	WALK_AT_ROOT = 1,
	WALK_DETACHED = 2, /* ended at a name that is in no directory */
	WALK_FULL = 3,
	WALK_FAULT = 4,
};

/* Appends one component; 0 if the walk can go on. Called with the address of its name. */
static __always_inline __u32 append_component(struct exec_scratch *scratch, const void *name)
{
	__u32 used = scratch->used;
	long len;

	if (used > DATA_BYTES - (NAME_MAX + 1) || used - scratch->walk_start >= PATH_BYTES_MAX)
		return WALK_FULL;
	len = bpf_probe_read_kernel_str(&scratch->data[used], NAME_MAX + 1, name);
	if (len < 0)
		return WALK_FAULT;
	scratch->used = used + len;
	return WALK_GOING;
}

/*
 * One round. A function of its own, so that it is verified once: scratch->walk_dentry and walk_mount
 * are where it stands.
 */
__noinline int walk_round(void)
{
	struct exec_scratch *scratch = exec_scratch();
	struct dentry *dentry, *parent;
	struct mount *mount, *above;
	__u32 state;

	if (!scratch)
		return WALK_FAULT;
	for (int i = 0; i < WALK_COMPONENTS; i++) {
		dentry = (void *)scratch->walk_dentry;
		if (dentry == (void *)scratch->walk_root) {
			mount = (void *)scratch->walk_mount;
			above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount || !above)
				return WALK_AT_ROOT;
			scratch->walk_dentry = (__u64)BPF_CORE_READ(mount, mnt_mountpoint);
			scratch->walk_mount = (__u64)above;
			scratch->walk_root = (__u64)BPF_CORE_READ(above, mnt.mnt_root);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		state = append_component(scratch, BPF_CORE_READ(dentry, d_name.name));
		if (state)
			return state;
		if (parent == dentry || !parent)
			return WALK_DETACHED;
		scratch->walk_dentry = (__u64)parent;
	}
	return WALK_GOING;
}

/* Appends the components of `path` to the scratch. Returns the end state; *len gets the bytes. */
static __always_inline __u32 read_path(struct exec_scratch *scratch, struct vfsmount *mount,
				       struct dentry *dentry, __u32 *len)
{
	__u32 state = WALK_GOING;

	scratch->walk_dentry = (__u64)dentry;
	scratch->walk_mount = (__u64)mount - bpf_core_field_offset(struct mount, mnt);
	scratch->walk_root = (__u64)mount->mnt_root;
	scratch->walk_start = scratch->used;
	for (int i = 0; i < WALK_ROUNDS && state == WALK_GOING; i++)
		state = walk_round();
	*len = scratch->used - scratch->walk_start;
	return state == WALK_GOING ? WALK_FULL : state;
}

#endif
