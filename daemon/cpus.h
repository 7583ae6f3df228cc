/*
 * How many processors this process may use, which may be fewer than the machine has: by its
 * affinity (taskset, cpuset), and by the CPU quota of its control group (containers, CPUQuota=).
 */
#ifndef DAEMON_CPUS_H
#define DAEMON_CPUS_H

/* At least 1. A quota counts as the processors that it is worth, rounded up. */
unsigned cpus_usable(void);
/* The same for a quota alone, with the roots of the two file systems that tell it (normally "/proc"
 * and "/sys/fs/cgroup"); 0 = there is none. cgroups(7); of version 2, cpu.max; of version 1,
 * cpu.cfs_quota_us and cpu.cfs_period_us. */
unsigned cpus_by_quota(const char *proc, const char *cgroup);

#endif
