/* Addresses and networks: what is read, how it is written, what is in what. */
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static struct ip address(const char *text)
{
    struct ip ip;
    ck_assert_int_eq(ip_parse(text, strlen(text), &ip), ERR_OK);
    return ip;
}

static const struct {
    const char *in, *out; /* NULL: refused */
} addresses[] = {
    {"127.0.0.1", "127.0.0.1"},
    {"255.255.255.255", "255.255.255.255"},
    {"::ffff:10.1.2.3", "10.1.2.3"},
    {"2001:DB8:0:0::1", "2001:db8::1"},
    {"::", "::"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"", NULL},
    {"1", NULL},
    {"1.2.3", NULL},
    {"1.2.3.4.5", NULL},
    {"1.2.3.256", NULL},
    {"01.2.3.4", NULL},
    {" 1.2.3.4", NULL},
    {"1.2.3.4 ", NULL},
    {"[::1]", NULL},
    {"fe80::1%lo", NULL},
    {":::", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"localhost", NULL},
    {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
};

START_TEST(reads_addresses)
{
    struct ip ip;
    char text[IP_TEXT_SIZE];
    enum err e = ip_parse(addresses[_i].in, strlen(addresses[_i].in), &ip);
    ck_assert_int_eq(e, addresses[_i].out ? ERR_OK : ERR_INVALID);
    if (e != ERR_OK)
        return;
    ip_format(&ip, text);
    ck_assert_str_eq(text, addresses[_i].out);
}
END_TEST

START_TEST(refuses_nul)
{
    struct ip ip;
    ck_assert_int_eq(ip_parse("1.2.3.4\0", 8, &ip), ERR_INVALID);
}
END_TEST

START_TEST(reads_ports)
{
    uint16_t port = 7;
    ck_assert_int_eq(ip_port_parse("65535x", 5, &port), ERR_OK);
    ck_assert_uint_eq(port, 65535);
    ck_assert_int_eq(ip_port_parse("0", 1, &port), ERR_OK);
    ck_assert_uint_eq(port, 0);
    ck_assert_int_eq(ip_port_parse("", 0, &port), ERR_INVALID);
    ck_assert_int_eq(ip_port_parse("01", 2, &port), ERR_INVALID);
    ck_assert_int_eq(ip_port_parse("65536", 5, &port), ERR_INVALID);
    ck_assert_int_eq(ip_port_parse("100000", 6, &port), ERR_INVALID);
    ck_assert_int_eq(ip_port_parse("-1", 2, &port), ERR_INVALID);
    ck_assert_int_eq(ip_port_parse("1 ", 2, &port), ERR_INVALID);
}
END_TEST

START_TEST(writes_addresses_with_ports)
{
    char text[IP_PORT_TEXT_SIZE];
    ip_port_format(&(struct ip_port){address("127.0.0.1"), 80}, text);
    ck_assert_str_eq(text, "127.0.0.1:80");
    ip_port_format(&(struct ip_port){address("127.0.0.1"), 0}, text);
    ck_assert_str_eq(text, "127.0.0.1");
    ip_port_format(&(struct ip_port){address("::1"), 65535}, text);
    ck_assert_str_eq(text, "[::1]:65535");
    ip_port_format(&(struct ip_port){address("::1"), 0}, text);
    ck_assert_str_eq(text, "[::1]");
}
END_TEST

START_TEST(takes_socket_addresses)
{
    struct ip_port got;
    struct ip want = address("1.2.3.4");
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    in.sin_addr.s_addr = htonl(0x01020304);
    ck_assert(ip_from_sockaddr((struct sockaddr *)&in, &got));
    ck_assert(ip_equal(&got.ip, &want));
    ck_assert_uint_eq(got.port, 80);
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(81)};
    want = address("::1");
    in6.sin6_addr = in6addr_loopback;
    ck_assert(ip_from_sockaddr((struct sockaddr *)&in6, &got));
    ck_assert(ip_equal(&got.ip, &want));
    ck_assert_uint_eq(got.port, 81);
    ck_assert(!ip_from_sockaddr(&(struct sockaddr){.sa_family = AF_UNIX}, &got));
}
END_TEST

START_TEST(knows_loopback)
{
    static const char *const inside[] = {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"};
    static const char *const outside[] = {
        "126.0.0.1", "128.0.0.1", "::", "::2", "1::1", "::127.0.0.1"};
    for (int i = 0; i < COUNT(inside); i++) {
        struct ip ip = address(inside[i]);
        ck_assert(ip_is_loopback(&ip));
    }
    for (int i = 0; i < COUNT(outside); i++) {
        struct ip ip = address(outside[i]);
        ck_assert(!ip_is_loopback(&ip));
    }
}
END_TEST

START_TEST(knows_private_networks)
{
    static const char *const inside[] = {
        "10.0.0.1",    "172.16.0.1", "172.31.255.255",  "192.168.1.2",
        "169.254.9.9", "100.64.0.1", "100.127.0.1",     "fc00::1",
        "fdff::1",     "fe80::1",    "::ffff:10.1.1.1",
    };
    static const char *const outside[] = {
        "11.0.0.1", "172.32.0.1",  "172.15.0.1", "192.169.0.1", "100.128.0.1",
        "fec0::1",  "2001:db8::1", "127.0.0.1",  "::1",         "8.8.8.8",
    };
    for (int i = 0; i < COUNT(inside); i++) {
        struct ip ip = address(inside[i]);
        ck_assert_msg(ip_is_private(&ip), "%s", inside[i]);
    }
    for (int i = 0; i < COUNT(outside); i++) {
        struct ip ip = address(outside[i]);
        ck_assert_msg(!ip_is_private(&ip), "%s", outside[i]);
    }
}
END_TEST

START_TEST(clients_are_told_apart)
{
    struct ip a = address("2001:db8:1:2:3:4:5:6"), b = address("2001:db8:1:2::"),
              c = address("2001:db8:1:3::"), d = address("1.2.3.4"), e = address("1.2.3.5");
    struct ip of_a = ip_of_client(&a), of_b = ip_of_client(&b), of_c = ip_of_client(&c),
              of_d = ip_of_client(&d), of_e = ip_of_client(&e);
    ck_assert(ip_equal(&of_a, &of_b));
    ck_assert(!ip_equal(&of_a, &of_c));
    ck_assert(ip_equal(&of_d, &d));
    ck_assert(!ip_equal(&of_d, &of_e));
}
END_TEST

static const struct {
    const char *in, *out, *has, *has_not; /* OUT NULL: refused */
} nets[] = {
    {"10.0.0.0/8", "10.0.0.0/8", "10.255.1.2", "11.0.0.0"},
    {"10.0.0.1", "10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"},
    {"10.0.0.1/32", "10.0.0.1", "10.0.0.1", "10.0.0.0"},
    {"192.168.4.0/22", "192.168.4.0/22", "192.168.7.255", "192.168.8.0"},
    {"0.0.0.0/0", "0.0.0.0/0", "1.2.3.4", "::1"},
    {"::/0", "::/0", "2001:db8::1", "1.2.3.4"},
    {"::1", "::1", "::1", "127.0.0.1"},
    {"2001:db8::/33", "2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::"},
    {"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.1.1.1", "11.0.0.0"},
    {"10.0.0.1/8", NULL, NULL, NULL},
    {"2001:db8::1/64", NULL, NULL, NULL},
    {"10.0.0.0/33", NULL, NULL, NULL},
    {"::/129", NULL, NULL, NULL},
    {"10.0.0.0/", NULL, NULL, NULL},
    {"10.0.0.0/08", NULL, NULL, NULL},
    {"10.0.0.0/-1", NULL, NULL, NULL},
    {"10.0.0.0/8/8", NULL, NULL, NULL},
    {"10.0.0.0 /8", NULL, NULL, NULL},
    {"/8", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
    {"localhost", NULL, NULL, NULL},
    {"*", NULL, NULL, NULL},
};

START_TEST(reads_networks)
{
    struct ip_net net;
    char text[IP_NET_TEXT_SIZE];
    enum err e = ip_net_parse(nets[_i].in, &net);
    ck_assert_int_eq(e, nets[_i].out ? ERR_OK : ERR_INVALID);
    if (e != ERR_OK)
        return;
    ip_net_format(&net, text);
    ck_assert_str_eq(text, nets[_i].out);
    struct ip has = address(nets[_i].has), has_not = address(nets[_i].has_not);
    ck_assert(ip_in_nets(&has, &net, 1));
    ck_assert(!ip_in_nets(&has_not, &net, 1));
    ck_assert(!ip_in_nets(&has, &net, 0));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("ip");
    TCase *t = tcase_create("ip");
    tcase_add_loop_test(t, reads_addresses, 0, COUNT(addresses));
    tcase_add_test(t, refuses_nul);
    tcase_add_test(t, reads_ports);
    tcase_add_test(t, writes_addresses_with_ports);
    tcase_add_test(t, takes_socket_addresses);
    tcase_add_test(t, knows_loopback);
    tcase_add_test(t, knows_private_networks);
    tcase_add_test(t, clients_are_told_apart);
    tcase_add_loop_test(t, reads_networks, 0, COUNT(nets));
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
