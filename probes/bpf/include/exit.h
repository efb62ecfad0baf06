/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When a process has ended, how, and what it used. */
#ifndef KINTRACE_EXIT_H
#define KINTRACE_EXIT_H

#include "event.h"
#include "kernel.h"
#include "task.h"

/* Threads that have ended but are still on the list: at most the few that end at the same moment. */
#define ENDING_THREADS 32

/*
 * Processes whose end was claimed by one of several threads that end together. Written and read here;
 * only processes with more than one thread left are in it; the oldest is forgotten when full.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct image_id);
	__type(value, __u8);
} ended SEC(".maps");

/*
 * Each thread leaves `live` before it comes here, so two that end together can both read zero. The
 * first of them to claim the process speaks for it.
 */
static __always_inline bool is_end_of_process(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct image_id id = {};
	__u8 claimed = 1;

	if (signal->live.counter)
		return false;
	if (signal->nr_threads <= 1)
		return true;
	fill_image_id(&id, task);
	return bpf_map_update_elem(&ended, &id, &claimed, BPF_NOEXIST) == 0;
}

/* As wait(2) would say: the code of the whole group, else the leader's. */
static __always_inline __u32 read_status(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return signal->group_exit_code;
	return task->group_leader->exit_code;
}

/* The signal struct holds what threads that are gone used; those still listed are added. */
static __always_inline __u32 fill_cpu_time(struct exit_event *event, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct list_head *head, *node;
	struct task_struct *thread;

	event->user_ns = signal->utime;
	event->system_ns = signal->stime;
	event->runtime_ns = signal->sum_sched_runtime;
	if (signal->nr_threads <= 1) {
		event->user_ns += task->utime;
		event->system_ns += task->stime;
		event->runtime_ns += task->se.sum_exec_runtime;
		return 0;
	}
	head = (void *)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	node = BPF_CORE_READ(head, next);
	for (int i = 0; i < ENDING_THREADS; i++) {
		if (node == head || !node)
			return 0;
		thread = (void *)node - bpf_core_field_offset(struct task_struct, thread_node);
		event->user_ns += BPF_CORE_READ(thread, utime);
		event->system_ns += BPF_CORE_READ(thread, stime);
		event->runtime_ns += BPF_CORE_READ(thread, se.sum_exec_runtime);
		node = BPF_CORE_READ(node, next);
	}
	return node == head ? 0 : EVENT_APPROXIMATE_CPU_TIME;
}

#endif
