/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who a task is. Fields are followed directly from the pointer that the hook was given: the verifier
 * knows its type, so a read is a load and not a helper call.
 */
#ifndef KINTRACE_TASK_H
#define KINTRACE_TASK_H

#include "event.h"
#include "kernel.h"
#include "knobs.h"

/* A thread has a start of its own; the process has its leader's. */
static __always_inline void fill_image_id(struct image_id *id, struct task_struct *task)
{
	id->start_ns = task->group_leader->start_boottime;
	id->tgid = task->tgid;
	id->exec_id = task->self_exec_id;
}

/*
 * The process's number in its own pid namespace, and that namespace. numbers[] has level + 1 entries; an
 * index that is not constant must be our own arithmetic.
 */
static __always_inline struct upid read_innermost(struct task_struct *task)
{
	struct pid *pid = task->group_leader->thread_pid;
	struct upid innermost = {};
	__u32 level;

	if (!pid)
		return innermost;
	level = pid->level;
	bpf_probe_read_kernel(&innermost, sizeof(innermost),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      level * sizeof(struct upid));
	return innermost;
}

/* Number in the initial namespace of the leader of a session or a process group. */
static __always_inline __u32 read_leader(struct pid *pid)
{
	int nr = 0;

	if (!pid)
		return 0;
	bpf_probe_read_kernel(&nr, sizeof(nr),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers));
	return nr;
}

static __always_inline __u64 read_capabilities(const kernel_cap_t *set)
{
	__u64 bits = 0;

	bpf_probe_read_kernel(&bits, sizeof(bits), set);
	return bits;
}

static __always_inline void fill_credentials(struct task_info *info, struct task_struct *task)
{
	const struct cred *cred = task->cred;

	info->uid = cred->uid.val;
	info->gid = cred->gid.val;
	info->suid = cred->suid.val;
	info->sgid = cred->sgid.val;
	info->euid = cred->euid.val;
	info->egid = cred->egid.val;
	info->fsuid = cred->fsuid.val;
	info->fsgid = cred->fsgid.val;
	info->securebits = cred->securebits;
	info->cap_inheritable = read_capabilities(&cred->cap_inheritable);
	info->cap_permitted = read_capabilities(&cred->cap_permitted);
	info->cap_effective = read_capabilities(&cred->cap_effective);
	info->cap_bounding = read_capabilities(&cred->cap_bset);
	info->cap_ambient = read_capabilities(&cred->cap_ambient);
	info->ns_user = cred->user_ns->ns.inum;
}

/* A task that is ending has given its namespaces back. */
static __always_inline __u32 fill_namespaces(struct task_info *info, struct task_struct *task)
{
	struct nsproxy *nsproxy = task->nsproxy;

	if (!nsproxy)
		return EVENT_MISSING_NAMESPACES;
	info->ns_uts = nsproxy->uts_ns->ns.inum;
	info->ns_ipc = BPF_CORE_READ(nsproxy, ipc_ns, ns.inum);
	info->ns_mnt = nsproxy->mnt_ns->ns.inum;
	info->ns_net = nsproxy->net_ns->ns.inum;
	info->ns_time = BPF_CORE_READ(nsproxy, time_ns, ns.inum);
	info->ns_cgroup = nsproxy->cgroup_ns->ns.inum;
	return 0;
}

/* Audit ids exist only where the kernel was built with audit. */
static __always_inline __u32 fill_audit(struct task_info *info, struct task_struct *task)
{
	info->login_uid = -1;
	info->audit_session = -1;
	if (!bpf_core_field_exists(task->loginuid) || !bpf_core_field_exists(task->sessionid))
		return EVENT_MISSING_AUDIT;
	info->login_uid = task->loginuid.val;
	info->audit_session = task->sessionid;
	return 0;
}

static __always_inline void fill_tty(struct task_info *info, struct task_struct *task)
{
	struct tty_struct *tty = task->signal->tty;

	if (!tty)
		return;
	info->tty_device = tty->driver->major << 20 |
			   ((tty->driver->minor_start + tty->index) & 0xfffff);
	bpf_probe_read_kernel_str(info->tty, sizeof(info->tty), tty->name);
}

/* Returns the flags of what is missing. Every field of `info` was zero before. */
static __always_inline __u32 fill_task(struct task_info *info, struct task_struct *task)
{
	struct upid innermost = read_innermost(task);
	struct pid_namespace *namespace = innermost.ns;
	__u32 flags = 0;

	fill_image_id(&info->id, task);
	fill_image_id(&info->parent, task->real_parent);
	fill_credentials(info, task);
	flags |= fill_namespaces(info, task);
	flags |= fill_audit(info, task);
	fill_tty(info, task);
	info->ns_tgid = innermost.nr;
	info->ns_pid = BPF_CORE_READ(namespace, ns.inum);
	info->session = read_leader(task->signal->pids[PIDTYPE_SID]);
	info->process_group = read_leader(task->signal->pids[PIDTYPE_PGID]);
	info->task_flags = task->flags;
	bpf_probe_read_kernel_str(info->comm, sizeof(info->comm), task->comm);
	return flags;
}

/* Parent first. Ends at a task that is its own parent: the idle task. */
static __always_inline __u32 fill_ancestors(struct image_id *ancestors, __u32 *flags,
					    struct task_struct *task)
{
	__u32 count = 0;

#pragma unroll
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		task = task->real_parent->group_leader;
		if (!task->tgid)
			return count;
		fill_image_id(&ancestors[i], task);
		count++;
	}
	if (task->real_parent->tgid)
		*flags |= EVENT_TRUNCATED_ANCESTORS;
	return count;
}

#endif
