/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ABI: everything that crosses from the programs to user space, and nothing else.
 *
 * Mirrored in probes/src/abi.rs; probes/tests/layout.rs compares the two through BTF. Only fixed-width
 * integers and byte arrays, widest first, every hole named `pad` and zero. Numbers of kinds, flags and
 * reasons are written out, appended, and never used again for something else.
 */
#ifndef KINTRACE_EVENT_H
#define KINTRACE_EVENT_H

enum event_kind {
	EVENT_FORK = 1, /* struct fork_event */
	EVENT_EXEC = 2, /* struct exec_event, then its variable parts */
	EVENT_EXIT = 3, /* struct exit_event */
	EVENT_EXEC_ARGS = 4, /* struct exec_args_event, then bytes: arguments that precede an EVENT_EXEC */
	EVENT_CGROUP = 5, /* struct cgroup_event, then its path: first time a cgroup is seen */
	EVENT_KIND_MAX = 6,
};

/*
 * The programs on tracepoints. On kernels whose tracepoints can be preempted (7.x) one of them can be
 * interrupted by another on the same CPU, never by itself: what is written per CPU is per program too.
 */
enum program {
	PROGRAM_FORK = 0,
	PROGRAM_EXEC = 1,
	PROGRAM_EXIT = 2,
	PROGRAM_MAX = 3,
};

/* Why an event that was seen did not reach the ring. */
enum lost_reason {
	LOST_RING_FULL = 0,
	LOST_NO_SCRATCH = 1, /* the per-CPU scratch was not there: never seen, counted all the same */
	LOST_REASON_MAX = 2,
};

/* What is incomplete: the event is sent all the same. */
enum event_flag {
	EVENT_TRUNCATED_PATH = 1 << 0,
	EVENT_TRUNCATED_CWD = 1 << 1,
	EVENT_TRUNCATED_ARGS = 1 << 2,
	EVENT_TRUNCATED_ENV = 1 << 3,
	EVENT_TRUNCATED_FILENAME = 1 << 4,
	EVENT_TRUNCATED_INTERPRETER = 1 << 5,
	EVENT_TRUNCATED_ANCESTORS = 1 << 6, /* the chain goes on above the last entry */
	EVENT_TRUNCATED_CGROUP = 1 << 7,
	EVENT_MISSING_PATH = 1 << 8,
	EVENT_MISSING_CWD = 1 << 9,
	EVENT_MISSING_ARGS = 1 << 10,
	EVENT_MISSING_ENV = 1 << 11,
	EVENT_MISSING_FILENAME = 1 << 12,
	EVENT_MISSING_INTERPRETER = 1 << 13,
	EVENT_MISSING_CGROUP = 1 << 14,
	EVENT_MISSING_NAMESPACES = 1 << 15,
	EVENT_MISSING_AUDIT = 1 << 16,	      /* this kernel has no audit ids */
	EVENT_APPROXIMATE_CPU_TIME = 1 << 17, /* more threads were ending than were summed up */
};

/* What the executable file is, in exec_event.exe_flags. */
enum exe_flag {
	EXE_DELETED = 1 << 0,	/* no name leads to it any more */
	EXE_DETACHED = 1 << 1,	/* it never had one: memfd, and other files without a directory */
	EXE_SECURE = 1 << 2,	/* AT_SECURE is set for the new image */
	EXE_SETUID = 1 << 3,	/* the set-user-ID bit took effect */
	EXE_SETGID = 1 << 4,	/* the set-group-ID bit took effect */
	EXE_FILE_CAPS = 1 << 5, /* capabilities of the file were gained */
	EXE_SCRIPT = 1 << 6,	/* the file passed to execve is run by an interpreter */
};

enum limits {
	ANCESTORS_MAX = 16,
	PATH_BYTES_MAX = 4096,
	ARGS_CHUNK_BYTES = 8192, /* arguments beyond this travel in EVENT_EXEC_ARGS samples, ahead */
	ENV_NAME_BYTES = 64,	 /* "NAME=" of a wanted environment variable */
	ENV_VALUE_BYTES = 1024,	 /* name, '=', value and NUL of one environment variable */
	COMM_BYTES = 16,
	TTY_BYTES = 32,
};

/* Start of every sample. */
struct event_header {
	__u64 ktime_ns; /* CLOCK_BOOTTIME, when the hook ran */
	__u64 sequence; /* per CPU and program, from 1, also for an event that is lost then */
	__u32 kind;	/* enum event_kind */
	__u32 size;	/* bytes in this sample, header included */
	__u32 flags;	/* enum event_flag */
	__u32 cpu;
};

/* One program image in one process. (tgid, start_ns) is the process, exec_id the image within. */
struct image_id {
	__u64 start_ns; /* CLOCK_BOOTTIME of the creation of the process */
	__u32 tgid;	/* in the initial pid namespace */
	__u32 exec_id;	/* the kernel's own count of execs, inherited at fork: task->self_exec_id */
};

/* Who a process is, and where. Ids are those of the initial namespaces. */
struct task_info {
	struct image_id id;
	struct image_id parent; /* the current parent, after any reparenting */
	__u64 cgroup_id;
	__u64 cap_effective;
	__u64 cap_permitted;
	__u64 cap_inheritable;
	__u64 cap_bounding;
	__u64 cap_ambient;
	__u32 uid;
	__u32 gid;
	__u32 euid;
	__u32 egid;
	__u32 suid;
	__u32 sgid;
	__u32 fsuid;
	__u32 fsgid;
	__u32 securebits;
	__u32 login_uid;     /* 4294967295: not set */
	__u32 audit_session; /* 4294967295: not set */
	__u32 ns_tgid;	     /* the process in its own pid namespace */
	__u32 session;	     /* tgid of the session leader */
	__u32 process_group; /* tgid of the group leader */
	__u32 task_flags;    /* PF_*: 0x00200000 is a kernel thread */
	__u32 ns_uts;	     /* inode numbers of the namespaces */
	__u32 ns_ipc;
	__u32 ns_mnt;
	__u32 ns_pid;
	__u32 ns_net;
	__u32 ns_time;
	__u32 ns_cgroup;
	__u32 ns_user;
	__u32 tty_device; /* major << 20 | minor, 0: no controlling terminal */
	__u8 comm[COMM_BYTES];
	__u8 tty[TTY_BYTES]; /* the kernel's name, e.g. "pts0" */
};

/* A process was created. Threads are not processes. */
struct fork_event {
	struct event_header header;
	struct image_id id;
	struct image_id creator; /* who called clone */
	struct image_id parent;	 /* who is told of its end: not the creator with CLONE_PARENT */
	__u64 cgroup_id;
	__u32 creator_tid;
	__u32 ns_tgid;
	__u32 task_flags;
	__u32 pad;
	__u8 comm[COMM_BYTES];
};

/*
 * A process runs a new image. Behind the fixed part, in this order and without gaps:
 *   ancestors   ancestors_count * struct image_id, parent first
 *   path        path_len bytes: components of the executable, last first, each ended by NUL
 *   cwd         cwd_len bytes: components of the working directory, likewise
 *   filename    filename_len bytes, NUL included: the name as passed to execve
 *   interpreter interpreter_len bytes, NUL included: what runs a script; 0 if none
 *   env         env_len bytes: wanted "NAME=value" strings, each ended by NUL
 *   args        args_len bytes: arguments, each ended by NUL, after those of args_parts samples
 */
struct exec_event {
	struct event_header header;
	struct task_info task;
	__u64 exe_inode;
	__u64 args_size;  /* bytes of all arguments, before any cut */
	__u64 env_size;	  /* bytes of the whole environment */
	__u32 exe_device; /* major << 20 | minor */
	__u32 exe_mode;	  /* i_mode */
	__u32 exe_nlink;
	__u32 exe_flags;  /* enum exe_flag */
	__u32 exec_tid;	  /* the thread that called execve; it is the only one left */
	__u32 argc;	  /* arguments, before any cut */
	__u32 args_parts; /* EVENT_EXEC_ARGS samples that belong in front of args */
	__u32 ancestors_count;
	__u32 path_len;
	__u32 cwd_len;
	__u32 filename_len;
	__u32 interpreter_len;
	__u32 env_len;
	__u32 args_len;
};

/* Arguments of the EVENT_EXEC that follows on the same CPU; then `len` bytes. */
struct exec_args_event {
	struct event_header header;
	struct image_id id;
	__u32 index; /* from 0 */
	__u32 len;
};

/* The last thread of a process ended. */
struct exit_event {
	struct event_header header;
	struct image_id id;
	struct image_id parent;
	__u64 cgroup_id;
	__u64 user_ns;	  /* as accounted by ticks, all threads */
	__u64 system_ns;  /* as accounted by ticks, all threads */
	__u64 runtime_ns; /* precise sum of both */
	__u64 max_rss_pages;
	__u32 status; /* as wait(2) returns it: code << 8, or signal with 0x80 for a core */
	__u32 tid;    /* the thread that was last */
	__u32 ns_tgid;
	__u32 uid;
	__u32 euid;
	__u32 task_flags;
	__u8 comm[COMM_BYTES];
};

/* A cgroup that an event refers to; then path_len bytes: components, last first, ended by NUL. */
struct cgroup_event {
	struct event_header header;
	__u64 cgroup_id;
	__u32 path_len;
	__u32 pad;
};

/* One process that lived when the agent started, from the task iterator. No header: it is not an event. */
struct task_snapshot {
	struct task_info task;
	struct image_id ancestors[ANCESTORS_MAX];
	__u64 ktime_ns; /* CLOCK_BOOTTIME, when it was read */
	__u32 ancestors_count;
	__u32 flags; /* enum event_flag */
};

#endif
