/* The CPU quota of a control group, as the files of both versions tell it. */
#include "daemon/cpus.h"

#include <check.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char root[] = "/tmp/test_cpus-XXXXXX";

static void make_root(void)
{
    strcpy(root + sizeof(root) - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static void remove_root(void)
{
    char command[64];
    snprintf(command, sizeof(command), "rm -r %s", root);
    ck_assert_int_eq(system(command), 0);
}

/* Writes TEXT to PATH below the root, making its folders. */
static void put(const char *path, const char *text)
{
    char full[PATH_MAX];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *at = full + sizeof(root); (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *f = fopen(full, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
}

static unsigned quota(void)
{
    char proc[64], cgroup[64];
    snprintf(proc, sizeof(proc), "%s/proc", root);
    snprintf(cgroup, sizeof(cgroup), "%s/cgroup", root);
    return cpus_by_quota(proc, cgroup);
}

START_TEST(nothing_is_known)
{
    ck_assert_uint_eq(quota(), 0);
}
END_TEST

START_TEST(version_2_in_a_container)
{
    put("proc/self/cgroup", "0::/\n");
    put("cgroup/cpu.max", "150000 100000\n");
    ck_assert_uint_eq(quota(), 2);
    put("cgroup/cpu.max", "100000 100000\n");
    ck_assert_uint_eq(quota(), 1);
    put("cgroup/cpu.max", "1000 100000\n");
    ck_assert_uint_eq(quota(), 1);
    put("cgroup/cpu.max", "max 100000\n");
    ck_assert_uint_eq(quota(), 0);
}
END_TEST

START_TEST(version_2_the_least_on_the_way_up)
{
    put("proc/self/cgroup", "0::/system.slice/longwired.service\n");
    put("cgroup/system.slice/longwired.service/cpu.max", "max 100000\n");
    put("cgroup/system.slice/cpu.max", "300000 100000\n");
    ck_assert_uint_eq(quota(), 3);
    put("cgroup/system.slice/longwired.service/cpu.max", "200000 100000\n");
    ck_assert_uint_eq(quota(), 2);
}
END_TEST

START_TEST(version_1)
{
    put("proc/self/cgroup", "5:memory:/a\n4:cpuset,cpu2:/a\n3:cpu,cpuacct:/a\n1:name=systemd:/a\n");
    put("cgroup/memory/a/cpu.max", "100000 100000\n");
    put("cgroup/cpuset,cpu2/a/cpu.cfs_period_us", "100000\n"); /* names that only begin with it */
    put("cgroup/cpuset,cpu2/a/cpu.cfs_quota_us", "100000\n");
    put("cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
    put("cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "-1\n");
    ck_assert_uint_eq(quota(), 0);
    put("cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
    ck_assert_uint_eq(quota(), 4);
}
END_TEST

START_TEST(what_is_no_quota)
{
    static const char *const texts[] = {"",      "\n",     "0 100000\n", "100000\n",
                                        "1 0\n", "-5 7\n", "x y\n"};
    put("proc/self/cgroup", "0::/\nnonsense\n::\n");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        put("cgroup/cpu.max", texts[i]);
        ck_assert_uint_eq(quota(), 0);
    }
}
END_TEST

START_TEST(there_is_always_one)
{
    ck_assert_uint_ge(cpus_usable(), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cpus");
    TCase *t = tcase_create("quota");
    tcase_add_checked_fixture(t, make_root, remove_root);
    tcase_add_test(t, nothing_is_known);
    tcase_add_test(t, version_2_in_a_container);
    tcase_add_test(t, version_2_the_least_on_the_way_up);
    tcase_add_test(t, version_1);
    tcase_add_test(t, what_is_no_quota);
    tcase_add_test(t, there_is_always_one);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
