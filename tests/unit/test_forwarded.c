/* Forwarded and X-Forwarded-For: who the client is, with 10.0.0.0/8 and ::1 trusted. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/forwarded.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

/* What comes out: an address, or that it is not known; "!" in front: untrusted. */
#define UNKNOWN "!unknown"

struct example {
    const char *first, *second; /* values of fields; SECOND may be NULL */
    const char *out;
};

static const struct example lists[] = {
    /* Nobody is named, which is not the same as nothing said. */
    {"", NULL, UNKNOWN},
    {",", NULL, UNKNOWN},
    {" , ,", NULL, UNKNOWN},
    {"", "10.0.0.1", UNKNOWN},
    {"10.0.0.1", "", UNKNOWN},
    {"10.0.0.1,", NULL, UNKNOWN},
    {"10.0.0.2, , 10.0.0.1", NULL, UNKNOWN},
    {", 192.0.2.1", NULL, "!192.0.2.1"},
    {"192.0.2.1", NULL, "!192.0.2.1"},
    {"192.0.2.1:4711", NULL, "!192.0.2.1:4711"},
    {"2001:db8::1", NULL, "![2001:db8::1]"},
    {"[2001:db8::1]", NULL, "![2001:db8::1]"},
    {"[2001:db8::1]:80", NULL, "![2001:db8::1]:80"},
    {"::ffff:192.0.2.1", NULL, "!192.0.2.1"},
    /* The rightmost that is not trusted. */
    {"192.0.2.9, 192.0.2.1", NULL, "!192.0.2.1"},
    {"192.0.2.9, 192.0.2.1, 10.0.0.1,10.0.0.2", NULL, "!192.0.2.1"},
    {"192.0.2.9", "192.0.2.1, 10.0.0.1", "!192.0.2.1"},
    {"192.0.2.1", "10.0.0.1", "!192.0.2.1"},
    {"10.9.9.9, 192.0.2.1, 10.0.0.1", NULL, "!192.0.2.1"},
    {"127.0.0.1, 192.0.2.1", NULL, "!192.0.2.1"},
    /* All of them are: the leftmost. */
    {"10.0.0.3, 10.0.0.2", "::1", "10.0.0.3"},
    {"::1", NULL, "[::1]"},
    /* What is not an address hides who is behind it, and only that. */
    {"192.0.2.9, unknown", NULL, UNKNOWN},
    {"192.0.2.9, unknown, 10.0.0.1", NULL, UNKNOWN},
    {"unknown, 192.0.2.1", NULL, "!192.0.2.1"},
    {"\"x, 192.0.2.1", NULL, "!192.0.2.1"},
    {"example.org", NULL, UNKNOWN},
    {"192.0.2.1:x", NULL, UNKNOWN},
    {"192.0.2.1:", NULL, UNKNOWN},
    {"192.0.2.1:80:80", NULL, UNKNOWN},
    {"192.0.2.1 80", NULL, UNKNOWN},
    {"192.0.2.01", NULL, UNKNOWN},
    {"[192.0.2.1]", NULL, UNKNOWN},
    {"[::1", NULL, UNKNOWN},
    {"[]", NULL, UNKNOWN},
    {"[::1]80", NULL, UNKNOWN},
    {"fe80::1%eth0", NULL, UNKNOWN},
};

static const struct example elements[] = {
    {"", NULL, UNKNOWN},
    {" ,, ", NULL, UNKNOWN},
    {";", NULL, UNKNOWN},
    {"for=10.0.0.1,", NULL, UNKNOWN},
    {"", "for=10.0.0.1", UNKNOWN},
    {", for=192.0.2.1", NULL, "!192.0.2.1"},
    {"for=192.0.2.1", NULL, "!192.0.2.1"},
    {"For=192.0.2.1;proto=http;by=203.0.113.43", NULL, "!192.0.2.1"},
    {"proto=https ; FOR=\"192.0.2.1:4711\" ; host=x", NULL, "!192.0.2.1:4711"},
    {"for=\"[2001:db8:cafe::17]:4711\"", NULL, "![2001:db8:cafe::17]:4711"},
    {"for=\"[2001:db8:cafe::17]\"", NULL, "![2001:db8:cafe::17]"},
    {"for=\"192.0.2.1:_port\"", NULL, "!192.0.2.1"},
    {"for=\"19\\2.0.2.1\"", NULL, "!192.0.2.1"},
    {"for=192.0.2.9, for=192.0.2.1", NULL, "!192.0.2.1"},
    {"for=192.0.2.9, for=192.0.2.1", "for=10.0.0.1", "!192.0.2.1"},
    {"for=10.0.0.3, for=\"[::1]\"", NULL, "10.0.0.3"},
    {"for=192.0.2.9;x=\"a,b;for=1.1.1.1\", for=10.0.0.1", NULL, "!192.0.2.9"},
    /* Hidden, missing or malformed. */
    {"for=unknown", NULL, UNKNOWN},
    {"for=_hidden", NULL, UNKNOWN},
    {"for=192.0.2.9, for=_hidden, for=10.0.0.1", NULL, UNKNOWN},
    {"for=_hidden, for=192.0.2.1", NULL, "!192.0.2.1"},
    {"proto=http", NULL, UNKNOWN},
    {"for=192.0.2.9, by=10.0.0.1", NULL, UNKNOWN},
    {"for=192.0.2.1;for=192.0.2.2", NULL, UNKNOWN},
    {"for=", NULL, UNKNOWN},
    {"for", NULL, UNKNOWN},
    {"for =192.0.2.1", NULL, UNKNOWN},
    {"for= 192.0.2.1", NULL, UNKNOWN},
    {"for=192.0.2.1:4711", NULL, UNKNOWN}, /* has to be quoted */
    {"for=[2001:db8::1]", NULL, UNKNOWN},
    {"for=\"2001:db8::1\"", NULL, UNKNOWN}, /* brackets are missing */
    {"for=\"192.0.2.1", NULL, UNKNOWN},
    {"for=\"192.0.2.1\\\"", NULL, UNKNOWN},
    {"for=\"192.0.2.1\"x", NULL, UNKNOWN},
    {"for=\"192.0.2.1:_\xFF\"", NULL, UNKNOWN},
    {"for=\"1111111111111111111111111111111111111111111111111111111111111111111111111\"", NULL,
     UNKNOWN},
    {"for=192.0.2.1;@=x", NULL, UNKNOWN},
};

typedef void adder(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count);

static void check(const struct example *e, adder *add)
{
    struct ip_net trusted[2];
    struct forwarded f = {0};
    char text[IP_PORT_TEXT_SIZE + 1] = "!", *to = text;
    ck_assert_int_eq(ip_net_parse("10.0.0.0/8", &trusted[0]), ERR_OK);
    ck_assert_int_eq(ip_net_parse("::1", &trusted[1]), ERR_OK);
    add(&f, e->first, strlen(e->first), trusted, 2);
    if (e->second)
        add(&f, e->second, strlen(e->second), trusted, 2);
    to += f.untrusted;
    if (f.known)
        ip_port_format(&f.client, to);
    else
        strcpy(to, "unknown");
    ck_assert(f.any);
    ck_assert_msg(strcmp(text, e->out) == 0, "%s, then %s: %s, not %s", e->first,
                  e->second ? e->second : "nothing", text, e->out);
}

START_TEST(reads_lists)
{
    check(&lists[_i], forwarded_add_list);
}
END_TEST

START_TEST(reads_elements)
{
    check(&elements[_i], forwarded_add);
}
END_TEST

static const struct example single[] = {
    {"192.0.2.1", NULL, "!192.0.2.1"},
    {"10.0.0.1", NULL, "10.0.0.1"},
    {"::1", NULL, "[::1]"},
    {"", NULL, UNKNOWN},
    {"unknown", NULL, UNKNOWN},
    {"10.0.0.1, 10.0.0.1", NULL, UNKNOWN},
};

START_TEST(reads_one)
{
    check(&single[_i], forwarded_add_one);
}
END_TEST

static const struct {
    const char *list;
    bool remote;
} ways[] = {
    {"::1", false},
    {"::1, ::1", false},
    {"127.0.0.1, ::1", false},
    {"192.0.2.1, 127.0.0.1", false}, /* hearsay */
    {"unknown, 127.0.0.1", false},
    {"10.0.0.1, ::1", true},
    {"::1, 10.0.0.1", true},
    {"::1, 10.0.0.1, ::1", true},
    {"127.0.0.1, 10.0.0.1, ::1", true},
    {"192.0.2.1, ::1", true},
    {"127.0.0.1, unknown", true},
    {"", true},
};

/* One place on the way that is not here is enough, wherever it stands. */
START_TEST(tells_what_came_from_elsewhere)
{
    struct ip_net trusted[2];
    struct forwarded f = {0};
    ck_assert_int_eq(ip_net_parse("10.0.0.0/8", &trusted[0]), ERR_OK);
    ck_assert_int_eq(ip_net_parse("::1", &trusted[1]), ERR_OK);
    forwarded_add_list(&f, ways[_i].list, strlen(ways[_i].list), trusted, 2);
    ck_assert_msg(f.remote == ways[_i].remote, "%s", ways[_i].list);
}
END_TEST

START_TEST(compares_addresses_alone)
{
    struct forwarded a = {0}, b = {0}, none = {0};
    forwarded_add(&a, "for=192.0.2.1", 13, NULL, 0);
    forwarded_add_list(&b, "192.0.2.1:80", 12, NULL, 0);
    ck_assert(forwarded_agree(&a, &b));
    ck_assert(!forwarded_agree(&a, &none));
    forwarded_add_list(&b, "192.0.2.2", 9, NULL, 0);
    ck_assert(!forwarded_agree(&a, &b));
    ck_assert(!forwarded_agree(&none, &none));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("forwarded");
    TCase *t = tcase_create("forwarded");
    tcase_add_loop_test(t, reads_lists, 0, COUNT(lists));
    tcase_add_loop_test(t, reads_elements, 0, COUNT(elements));
    tcase_add_loop_test(t, reads_one, 0, COUNT(single));
    tcase_add_loop_test(t, tells_what_came_from_elsewhere, 0, COUNT(ways));
    tcase_add_test(t, compares_addresses_alone);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
