/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel renamed or changed since 5.10, one function each. */
#ifndef KINTRACE_COMPAT_H
#define KINTRACE_COMPAT_H

#include "kernel.h"

/* kernfs_node.parent became the RCU pointer __parent in 6.15 (633488947ef6). */
struct kernfs_node___before_6_15 {
	struct kernfs_node *parent;
} __attribute__((preserve_access_index));

struct kernfs_node___since_6_15 {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

static __always_inline struct kernfs_node *read_kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___since_6_15 *newer = (void *)node;

	if (bpf_core_field_exists(newer->__parent))
		return BPF_CORE_READ(newer, __parent);
	return BPF_CORE_READ((struct kernfs_node___before_6_15 *)node, parent);
}

#endif
