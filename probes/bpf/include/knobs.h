/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Settings, frozen before load: the verifier removes what they turn off. */
#ifndef KINTRACE_KNOBS_H
#define KINTRACE_KNOBS_H

#include <linux/types.h>

/* Argument bytes read per exec, default 32 KiB, at most 1 MiB. */
const volatile __u32 args_limit = 32768;

/* Bytes waiting in the ring that wake the reader at once; less waits for its timer. */
const volatile __u32 wakeup_bytes = 1 << 20;

/* Whether any environment variable is wanted: without one the environment is not looked at. */
const volatile __u32 env_wanted = 0;

/* Whose cgroup an event names: 0 the unified hierarchy, else a v1 controller. */
enum cgroup_source {
	CGROUP_UNIFIED = 0,
	CGROUP_V1_MEMORY = 1,
	CGROUP_V1_PIDS = 2,
	CGROUP_V1_CPUSET = 3,
};
const volatile __u32 cgroup_source = CGROUP_UNIFIED;

#endif
