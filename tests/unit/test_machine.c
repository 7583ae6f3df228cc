/* The demo's readings: /proc as several kinds of machines show it, and the JSON made of it. */
#include "demo/machine.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct machine m;

static void forget_all(void)
{
    memset(&m, 0, sizeof(m));
}

static void assert_puts(void (*put)(const struct machine *, struct buf *), const char *wanted)
{
    struct buf out = {0};
    put(&m, &out);
    buf_putc(&out, '\0');
    ck_assert_str_eq(out.data, wanted);
    buf_finish(&out);
}

START_TEST(stat_of_two_processors)
{
    machine_parse_stat("cpu  30 2 8 100 20 1 1 4 7 0\n"
                       "cpu0 10 1 4 50 10 0 1 2 7 0\n"
                       "cpu1 20 1 4 50 10 1 0 2 0 0\n"
                       "intr 12345 1 2 3\n"
                       "ctxt 4321\n"
                       "btime 1700000000\n",
                       &m.now);
    ck_assert_uint_eq(m.now.cpu_count, 2);
    ck_assert_uint_eq(m.now.all_cpus.total, 166);
    ck_assert_uint_eq(m.now.all_cpus.busy, 46);
    ck_assert_uint_eq(m.now.cpu[1].total, 88);
    ck_assert_uint_eq(m.now.cpu[1].busy, 28);
    ck_assert_uint_eq(m.now.context_switches, 4321);
}
END_TEST

START_TEST(stat_of_more_processors_than_kept)
{
    struct buf text = {0};
    for (int i = 0; i < MACHINE_CPUS_MAX + 10; i++)
        buf_printf(&text, "cpu%d 1 0 0 1\n", i);
    buf_puts(&text, "ctxt 9\n");
    buf_putc(&text, '\0');
    machine_parse_stat(text.data, &m.now);
    ck_assert_uint_eq(m.now.cpu_count, MACHINE_CPUS_MAX);
    ck_assert_uint_eq(m.now.context_switches, 9);
    buf_finish(&text);
}
END_TEST

START_TEST(memory_in_bytes)
{
    machine_parse_meminfo("MemTotal:        1000 kB\nMemFree:          100 kB\n"
                          "MemAvailable:     400 kB\nBuffers:           10 kB\n"
                          "Cached:           300 kB\nSwapCached:         7 kB\n"
                          "SwapTotal:         50 kB\nSwapFree:          20 kB\n",
                          &m.gauges);
    assert_puts(machine_put_memory,
                "\"total\":1024000,\"used\":614400,\"cached\":307200,\"swap\":30720");
}
END_TEST

START_TEST(network_without_loopback)
{
    machine_parse_net(
        "Inter-|   Receive                       |  Transmit\n"
        " face |bytes packets errs drop fifo frame compressed multicast|bytes packets\n"
        "    lo:  500 1 0 0 0 0 0 0  500 1 0 0 0 0 0 0\n"
        "  eth0:1000 2 0 0 0 0 0 0 2000 3 0 0 0 0 0 0\n"
        " wlan0:   1 2 0 0 0 0 0 0    2 3 0 0 0 0 0 0\n"
        "broken: 7 7\n",
        &m.now);
    ck_assert_uint_eq(m.now.net_loopback, 500);
    ck_assert_uint_eq(m.now.net_received, 1001);
    ck_assert_uint_eq(m.now.net_sent, 2002);
}
END_TEST

START_TEST(disks_without_their_partitions)
{
    machine_parse_disks("   7       0 loop0 9 0 9 0 9 0 9 0 0 0 0\n"
                        "   8       0 sda 5 0 10 3 6 0 20 4 0 0 0\n"
                        "   8       1 sda1 5 0 10 3 6 0 20 4 0 0 0\n"
                        "   8      16 sdaa 1 0 1 0 1 0 1 0 0 0 0\n"
                        " 259       0 nvme0n1 1 0 100 0 1 0 200 0 0 0 0\n"
                        " 259       1 nvme0n1p1 1 0 100 0 1 0 200 0 0 0 0\n"
                        " 253       0 dm-0 1 0 100 0 1 0 200 0 0 0 0\n"
                        "short\n",
                        &m.now);
    ck_assert_uint_eq(m.now.disk_read, 111 * 512);
    ck_assert_uint_eq(m.now.disk_written, 221 * 512);
}
END_TEST

START_TEST(load_average_whole_or_not_at_all)
{
    machine_parse_loadavg("0.50 1.25 2.00 3/456 7890\n", &m.gauges);
    machine_parse_loadavg("9.99 9.99", &m.gauges);
    m.gauges.processes = 77;
    assert_puts(machine_put_system, "\"load\":[0.50,1.25,2.00],\"running\":3,\"threads\":456,"
                                    "\"processes\":77,\"switches\":0");
}
END_TEST

START_TEST(nothing_is_parsed_from_nothing)
{
    machine_parse_stat("", &m.now);
    machine_parse_meminfo("", &m.gauges);
    machine_parse_net("", &m.now);
    machine_parse_disks("", &m.now);
    machine_parse_loadavg("", &m.gauges);
    assert_puts(machine_put_cpu, "\"all\":0.0,\"cpus\":[]");
    assert_puts(machine_put_memory, "\"total\":0,\"used\":0,\"cached\":0,\"swap\":0");
}
END_TEST

START_TEST(loads_are_shares_of_the_time_between)
{
    machine_parse_stat("cpu 100 0 0 100\ncpu0 100 0 0 100\n", &m.before);
    machine_parse_stat("cpu 130 0 0 170\ncpu0 100 0 0 150\ncpu1 5 0 0 5\n", &m.now);
    assert_puts(machine_put_cpu, "\"all\":30.0,\"cpus\":[0.0,50.0]");
}
END_TEST

START_TEST(rates_are_per_second)
{
    m.before.at_ms = 1000;
    m.now.at_ms = 1200;
    m.before.net_received = 1000;
    m.now.net_received = 1400;
    m.now.net_loopback = 1;
    assert_puts(machine_put_net, "\"received\":2000,\"sent\":0,\"loopback\":5");
}
END_TEST

START_TEST(counters_that_began_anew_show_nothing)
{
    m.before.at_ms = 1000;
    m.now.at_ms = 1200;
    m.before.disk_read = 5000;
    m.now.disk_read = 10;
    assert_puts(machine_put_disk, "\"read\":0,\"written\":0");
    m.before = m.now; /* no time has passed */
    m.now.disk_read = 20;
    assert_puts(machine_put_disk, "\"read\":0,\"written\":0");
}
END_TEST

START_TEST(this_machine_can_be_read)
{
    const char *file = "";
    ck_assert_int_eq(machine_read(&m, 1000, &file), ERR_OK);
    ck_assert_int_eq(machine_read(&m, 1200, &file), ERR_OK);
    ck_assert_uint_ge(m.now.cpu_count, 1);
    ck_assert_uint_gt(m.gauges.memory_total, m.gauges.memory_available);
    ck_assert_uint_ge(m.gauges.processes, 1);
    ck_assert_uint_eq(m.before.at_ms, 1000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("machine");
    TCase *t = tcase_create("machine");
    tcase_add_checked_fixture(t, forget_all, NULL);
    tcase_add_test(t, stat_of_two_processors);
    tcase_add_test(t, stat_of_more_processors_than_kept);
    tcase_add_test(t, memory_in_bytes);
    tcase_add_test(t, network_without_loopback);
    tcase_add_test(t, disks_without_their_partitions);
    tcase_add_test(t, load_average_whole_or_not_at_all);
    tcase_add_test(t, nothing_is_parsed_from_nothing);
    tcase_add_test(t, loads_are_shares_of_the_time_between);
    tcase_add_test(t, rates_are_per_second);
    tcase_add_test(t, counters_that_began_anew_show_nothing);
    tcase_add_test(t, this_machine_can_be_read);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
