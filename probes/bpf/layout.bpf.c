// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Not loaded: one global per type of the ABI, so that BTF holds it for the layout test. */
#include <linux/types.h>

#include "event.h"

struct event_header event_header_layout;
struct image_id image_id_layout;
struct task_info task_info_layout;
struct fork_event fork_event_layout;
struct exec_event exec_event_layout;
struct exec_args_event exec_args_event_layout;
struct exit_event exit_event_layout;
struct cgroup_event cgroup_event_layout;
struct task_snapshot task_snapshot_layout;

enum event_kind event_kind_values;
enum program program_values;
enum lost_reason lost_reason_values;
enum event_flag event_flag_values;
enum exe_flag exe_flag_values;
enum limits limits_values;
