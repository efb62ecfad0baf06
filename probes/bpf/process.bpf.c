// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Process lifecycle: creation, exec, end of the last thread. One event per process, not per thread.
 *
 * hook: sched_process_fork, tp_btf since 5.5: runs before the child can run, so its exec comes later
 * hook: sched_process_exec, same: the old image is gone, a failed execve is never seen
 * hook: sched_process_exit, same: per thread, since 6.16 with a second argument that we do not need
 * hook: iter/task since 5.8: what lived before us
 *
 * These need neither kprobes nor trampolines: process lifecycle works wherever BTF is.
 */
#include "cgroup.h"
#include "emit.h"
#include "event.h"
#include "exit.h"
#include "kernel.h"
#include "knobs.h"
#include "memory.h"
#include "path.h"
#include "scratch.h"
#include "task.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *creator, struct task_struct *child)
{
	struct fork_event *event;
	__u64 cgroup_id;

	if (child->pid != child->tgid)
		return 0;
	cgroup_id = name_cgroup(PROGRAM_FORK, child);
	event = event_reserve(PROGRAM_FORK, EVENT_FORK, sizeof(*event));
	if (!event)
		return 0;
	fill_image_id(&event->id, child);
	fill_image_id(&event->creator, creator);
	fill_image_id(&event->parent, child->real_parent);
	event->cgroup_id = cgroup_id;
	event->creator_tid = creator->pid;
	event->ns_tgid = read_innermost(child).nr;
	event->task_flags = child->flags;
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), child->comm);
	event_submit(event);
	return 0;
}

/* What was loaded: for a script that is its interpreter. */
static __always_inline __u32 fill_executable(struct exec_scratch *scratch,
					     struct linux_binprm *bprm)
{
	struct exec_event *event = &scratch->event;
	struct file *file = bprm->file;
	struct inode *inode = file->f_inode;
	struct dentry *dentry = file->f_path.dentry;
	__u32 device = inode->i_sb->s_dev;
	__u32 mode = inode->i_mode;
	__u32 state;

	event->exe_inode = inode->i_ino;
	event->exe_device = device;
	event->exe_mode = mode;
	event->exe_nlink = inode->i_nlink;
	/* A dentry that is in no hash list has lost its name. */
	if (!event->exe_nlink || !dentry->d_hash.pprev)
		event->exe_flags |= EXE_DELETED;
	if (BPF_CORE_READ_BITFIELD(bprm, secureexec))
		event->exe_flags |= EXE_SECURE;
	/* per_clear is set where the kernel honoured a bit, and where capabilities were gained. */
	if (bprm->per_clear) {
		if (mode & S_ISUID)
			event->exe_flags |= EXE_SETUID;
		if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
			event->exe_flags |= EXE_SETGID;
	}
	/* Without root, only a file gives capabilities that are not ambient. */
	if (event->task.uid && event->task.euid &&
	    (event->task.cap_permitted & ~event->task.cap_ambient))
		event->exe_flags |= EXE_FILE_CAPS;
	state = read_path(scratch, file->f_path.mnt, dentry, &event->path_len);
	if (state == WALK_DETACHED)
		event->exe_flags |= EXE_DETACHED;
	if (state == WALK_FAULT)
		return EVENT_MISSING_PATH;
	return state == WALK_FULL ? EVENT_TRUNCATED_PATH : 0;
}

static __always_inline __u32 fill_cwd(struct exec_scratch *scratch, struct task_struct *task)
{
	struct fs_struct *fs = task->fs;
	__u32 state;

	if (!fs)
		return EVENT_MISSING_CWD;
	state = read_path(scratch, fs->pwd.mnt, fs->pwd.dentry, &scratch->event.cwd_len);
	if (state == WALK_FAULT)
		return EVENT_MISSING_CWD;
	return state == WALK_FULL ? EVENT_TRUNCATED_CWD : 0;
}

/* The names that the kernel was given: both are kernel memory by now. */
static __always_inline __u32 fill_names(struct exec_scratch *scratch, struct linux_binprm *bprm)
{
	struct exec_event *event = &scratch->event;
	const char *filename = bprm->filename;
	const char *interpreter = bprm->interp;
	__u32 used = scratch->used, flags = 0;
	long len;

	if (used > DATA_BYTES - PATH_BYTES_MAX)
		return EVENT_MISSING_FILENAME;
	len = bpf_probe_read_kernel_str(&scratch->data[used], PATH_BYTES_MAX, filename);
	if (len < 0)
		return EVENT_MISSING_FILENAME;
	if (len == PATH_BYTES_MAX)
		flags |= EVENT_TRUNCATED_FILENAME;
	event->filename_len = len;
	scratch->used = used + len;

	if (interpreter == filename)
		return flags;
	event->exe_flags |= EXE_SCRIPT;
	used = scratch->used;
	if (used > DATA_BYTES - INTERPRETER_BYTES_MAX)
		return flags | EVENT_MISSING_INTERPRETER;
	len = bpf_probe_read_kernel_str(&scratch->data[used], INTERPRETER_BYTES_MAX, interpreter);
	if (len < 0)
		return flags | EVENT_MISSING_INTERPRETER;
	if (len == INTERPRETER_BYTES_MAX)
		flags |= EVENT_TRUNCATED_INTERPRETER;
	event->interpreter_len = len;
	scratch->used = used + len;
	return flags;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct exec_scratch *scratch;
	struct exec_event *event;
	struct mm_struct *mm = task->mm;
	__u64 cgroup_id = name_cgroup(PROGRAM_EXEC, task);
	__u32 flags = 0, used;

	scratch = exec_scratch();
	if (!scratch) {
		event_unwritten(PROGRAM_EXEC, EVENT_EXEC);
		return 0;
	}
	event = &scratch->event;
	__builtin_memset(event, 0, sizeof(*event));
	flags |= fill_task(&event->task, task);
	event->task.cgroup_id = cgroup_id;
	event->exec_tid = old_pid;
	event->argc = bprm->argc;
	event->ancestors_count = fill_ancestors((struct image_id *)scratch->data, &flags, task);
	scratch->used = event->ancestors_count * sizeof(struct image_id);

	flags |= fill_executable(scratch, bprm);
	flags |= fill_cwd(scratch, task);
	flags |= fill_names(scratch, bprm);
	flags |= read_env(scratch, mm->env_start, mm->env_end);
	flags |= read_args(scratch, mm->arg_start, mm->arg_end);

	used = scratch->used;
	if (used > DATA_BYTES)
		used = DATA_BYTES;
	flags |= event->header.flags;
	fill_header(&event->header, PROGRAM_EXEC, EVENT_EXEC, sizeof(*event) + used);
	event->header.flags = flags;
	event_output(&event->header, sizeof(*event) + used);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct exit_event *event;

	if (!is_end_of_process(task))
		return 0;
	event = event_reserve(PROGRAM_EXIT, EVENT_EXIT, sizeof(*event));
	if (!event)
		return 0;
	fill_image_id(&event->id, task);
	fill_image_id(&event->parent, task->group_leader->real_parent);
	event->cgroup_id = read_cgroup_id(task);
	event->header.flags |= fill_cpu_time(event, task);
	event->max_rss_pages = task->signal->maxrss;
	event->status = read_status(task);
	event->tid = task->pid;
	event->ns_tgid = read_innermost(task).nr;
	event->uid = task->cred->uid.val;
	event->euid = task->cred->euid.val;
	event->task_flags = task->flags;
	bpf_probe_read_kernel_str(event->comm, sizeof(event->comm), task->group_leader->comm);
	event_submit(event);
	return 0;
}

/* Writes one struct task_snapshot per process to whoever reads the iterator. */
SEC("iter/task")
int snapshot_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_snapshot *snapshot;
	__u32 zero = 0;

	if (!task || task->pid != task->tgid)
		return 0;
	snapshot = bpf_map_lookup_elem(&snapshot_scratches, &zero);
	if (!snapshot)
		return 0;
	__builtin_memset(snapshot, 0, sizeof(*snapshot));
	snapshot->flags |= fill_task(&snapshot->task, task);
	snapshot->task.cgroup_id = read_cgroup_id(task);
	snapshot->ancestors_count = fill_ancestors(snapshot->ancestors, &snapshot->flags, task);
	snapshot->ktime_ns = bpf_ktime_get_boot_ns();
	bpf_seq_write(ctx->meta->seq, snapshot, sizeof(*snapshot));
	return 0;
}
