// SPDX-License-Identifier: Apache-2.0
/*
 * storm N CPU PROGRAM: creates N processes that run PROGRAM, one after the other, by vfork and execve,
 * and prints nanoseconds per process. CPU -1: on any. Link it statically.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	char *environment[] = {"PATH=/usr/bin:/bin", "HOME=/root", "LANG=C.UTF-8", NULL};
	int count, cpu, status;
	double start;

	if (argc != 4)
		return 64;
	count = atoi(argv[1]);
	cpu = atoi(argv[2]);
	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return 1;
	}
	char *arguments[] = {argv[3], "--quiet", "some/file", NULL};

	start = now();
	for (int i = 0; i < count; i++) {
		pid_t child = vfork();

		if (!child) {
			execve(argv[3], arguments, environment);
			_exit(127);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			return 1;
	}
	printf("%.0f\n", (now() - start) / count);
	return 0;
}
