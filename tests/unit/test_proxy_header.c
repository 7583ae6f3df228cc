/*
 * The PROXY header: what each input means, fed whole, cut in two at every byte, and byte by byte.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxy_header.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define TEXT(s)  s, sizeof(s) - 1

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4_SOURCE "\xC0\x00\x02\x01\x0A\x00\x00\x01\x12\x67\x00\x50"
#define V6_SOURCE                                                                                  \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01"                                                   \
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x02"                                                   \
    "\xFF\xFE\x01\xBB"
#define LONG40 "1234567890123456789012345678901234567890"

static const struct {
    const char *in;
    size_t n;
    size_t used;
    const char *out; /* an address, "unknown", "itself", "more", or the reason of an error */
} examples[] = {
    /* Version 1. */
    {TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\nGET"), 39, "192.0.2.1:4711"},
    {TEXT("PROXY TCP6 2001:db8::1 ::1 65535 0\r\n"), 36, "[2001:db8::1]:65535"},
    {TEXT("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:10.0.0.1 1 2\r\n"), 49, "192.0.2.1:1"},
    {TEXT("PROXY UNKNOWN\r\nPROXY"), 15, "unknown"},
    {TEXT("PROXY UNKNOWN ff:ff 1 \xFF nonsense\r\n"), 0,
     "There is a control character in the PROXY line"},
    {TEXT("PROXY UNKNOWN ff:ff 1 \x7F nonsense\r\n"), 0,
     "There is a control character in the PROXY line"},
    {TEXT("PROXY UNKNOWN ff:ff 1 nonsense  \r\n"), 34, "unknown"},
    {TEXT("PROXY UNKNOWN " LONG40 LONG40 "12345678901\r\n"), 107, "unknown"},
    {TEXT("PROXY UNKNOWN " LONG40 LONG40 "123456789012\r\n"), 107, "The PROXY line is too long"},
    {TEXT("PROXY UNKNOWN " LONG40 LONG40 LONG40), 107, "The PROXY line is too long"},
    {TEXT("PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r"), 38, "more"},
    {TEXT(""), 0, "more"},
    {TEXT("PROXY"), 5, "more"},
    {TEXT("GET / HTTP/1.1\r\n"), 0, "There is no PROXY header"},
    {TEXT("PROXX"), 4, "There is no PROXY header"},
    {TEXT("proxy TCP4"), 0, "There is no PROXY header"},
    {TEXT("\x16\x03\x01"), 0, "There is no PROXY header"},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n"), 30, "The PROXY line does not end in CRLF"},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX"), 31, "The PROXY line does not end in CRLF"},
    {TEXT("PROXY TCP4 1.2.3.4\0"), 18, "There is a control character in the PROXY line"},
    {TEXT("PROXY TCP4 1.2.3.4\t1.2.3.4"), 18, "There is a control character in the PROXY line"},
    {TEXT("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n"), 31,
     "The PROXY line is not of TCP4, TCP6 or UNKNOWN"},
    {TEXT("PROXY \r\n"), 7, "The PROXY line is not of TCP4, TCP6 or UNKNOWN"},
    {TEXT("PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n"), 31,
     "The PROXY line is not of TCP4, TCP6 or UNKNOWN"},
    {TEXT("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n"), 32,
     "The PROXY line is not of TCP4, TCP6 or UNKNOWN"},
#define ADDRESSES "The PROXY line is not two addresses and two ports"
    {TEXT("PROXY TCP4\r\n"), 11, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), 29, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n"), 33, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n"), 32, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n"), 32, ADDRESSES},
    {TEXT("PROXY TCP4 ::1 ::1 1 2\r\n"), 23, ADDRESSES},
    {TEXT("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n"), 31, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 ::1 1 2\r\n"), 27, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n"), 32, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n"), 35, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n"), 32, ADDRESSES},
    {TEXT("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n"), 32, ADDRESSES},
    /* Version 2. */
    {TEXT(SIGNATURE "\x21\x11\x00\x0C" V4_SOURCE "GET"), 28, "192.0.2.1:4711"},
    {TEXT(SIGNATURE "\x21\x21\x00\x24" V6_SOURCE), 52, "[2001:db8::1]:65534"},
    {TEXT(SIGNATURE "\x21\x11\x00\x10" V4_SOURCE "\x04\x00\x01\x00GET"), 32, "192.0.2.1:4711"},
    {TEXT(SIGNATURE "\x20\x00\x00\x00GET"), 16, "itself"},
    {TEXT(SIGNATURE "\x20\x11\x00\x0C" V4_SOURCE), 28, "itself"},
    {TEXT(SIGNATURE "\x20\x11\x00\x03"
                    "abcGET"),
     19, "itself"},
    {TEXT(SIGNATURE "\x20\xFF\x00\x01xGET"), 17, "itself"},
    {TEXT(SIGNATURE "\x21\x00\x00\x00GET"), 16, "unknown"},
    {TEXT(SIGNATURE "\x21\x00\x00\x05"
                    "abcdeGET"),
     21, "unknown"},
    {TEXT(SIGNATURE "\x21\x10\x00\x0C" V4_SOURCE), 28, "unknown"},
    {TEXT(SIGNATURE "\x21\x31\x00\xD8" LONG40 LONG40 LONG40 LONG40 LONG40 "1234567890123456GET"),
     232, "unknown"},
    {TEXT(SIGNATURE "\x21\x11\x00\x0D" V4_SOURCE), 28, "more"},
    {TEXT(SIGNATURE "\x21\x11\x00"), 15, "more"},
    {TEXT("\r\n\r\n\0\r\nQUIT\r"), 11, "There is no PROXY header"},
    {TEXT("\r\nGET"), 2, "There is no PROXY header"},
    {TEXT(SIGNATURE "\x11"), 12, "The PROXY header is of another version or command"},
    {TEXT(SIGNATURE "\x31"), 12, "The PROXY header is of another version or command"},
    {TEXT(SIGNATURE "\x22"), 12, "The PROXY header is of another version or command"},
#define FAMILY "The PROXY header is not of a stream over IP or a local socket"
    {TEXT(SIGNATURE "\x21\x41\x00\x00"), 15, FAMILY},
    {TEXT(SIGNATURE "\x21\x12\x00\x0C"), 15, FAMILY}, /* UDP */
    {TEXT(SIGNATURE "\x21\x11\x00\x0B"), 15, "The PROXY header is shorter than its addresses"},
    {TEXT(SIGNATURE "\x21\x21\x00\x23"), 15, "The PROXY header is shorter than its addresses"},
    {TEXT(SIGNATURE "\x21\x31\x00\xD7"), 15, "The PROXY header is shorter than its addresses"},
    {TEXT(SIGNATURE "\x21\x11\x10\x01"), 15, "The PROXY header is too long"},
    {TEXT(SIGNATURE "\x20\x00\xFF\xFF"), 15, "The PROXY header is too long"},
};

static void describe(const struct proxy_header *p, enum proxy_read got, char *out, size_t size)
{
    char text[IP_PORT_TEXT_SIZE] = "itself";
    if (p->source == PROXY_SOURCE_ADDRESS)
        ip_port_format(&p->client, text);
    else if (p->source == PROXY_SOURCE_UNKNOWN)
        strcpy(text, "unknown");
    snprintf(out, size, "%s",
             got == PROXY_READ_ERROR  ? p->reason
             : got == PROXY_READ_MORE ? "more"
                                      : text);
}

/* Feeds FIRST bytes, then STEP at a time. */
static void check_cut(int i, size_t first, size_t step)
{
    struct proxy_header p;
    enum proxy_read got;
    char text[128];
    size_t at = 0, take = first, used;
    proxy_header_init(&p);
    do {
        take = take < examples[i].n - at ? take : examples[i].n - at;
        char *copy = malloc(take + 1); /* so that reading beyond it is found */
        memcpy(copy, examples[i].in + at, take);
        got = proxy_header_feed(&p, copy, take, &used);
        free(copy);
        ck_assert(got != PROXY_READ_MORE || used == take);
        at += used;
        take = step;
    } while (got == PROXY_READ_MORE && at < examples[i].n);
    describe(&p, got, text, sizeof(text));
    ck_assert_msg(strcmp(text, examples[i].out) == 0, "%d, first %zu, then by %zu: %s, not %s", i,
                  first, step, text, examples[i].out);
    if (got != PROXY_READ_ERROR)
        ck_assert_uint_eq(at, examples[i].used);
    ck_assert_int_eq(proxy_header_feed(&p, "x", got == PROXY_READ_MORE ? 0 : 1, &used), got);
    ck_assert_uint_eq(used, 0);
}

START_TEST(reads_headers)
{
    size_t n = examples[_i].n;
    check_cut(_i, n, 1);
    for (size_t first = 0; first < n; first++)
        check_cut(_i, first, n);
    check_cut(_i, 0, 1);
    check_cut(_i, 0, 7);
}
END_TEST

/* At the limit it works; the one beyond it is among the examples. */
START_TEST(passes_over_extensions_up_to_the_limit)
{
    static char in[PROXY_FIXED_BYTES + PROXY_REST_MAX + 1] = SIGNATURE "\x21\x11\x10\x00" V4_SOURCE;
    struct proxy_header p;
    size_t used;
    proxy_header_init(&p);
    ck_assert_int_eq(proxy_header_feed(&p, in, sizeof(in) - 2, &used), PROXY_READ_MORE);
    ck_assert_int_eq(proxy_header_feed(&p, in, 2, &used), PROXY_READ_DONE);
    ck_assert_uint_eq(used, 1);
    ck_assert_int_eq(p.source, PROXY_SOURCE_ADDRESS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("proxy_header");
    TCase *t = tcase_create("proxy_header");
    tcase_add_loop_test(t, reads_headers, 0, COUNT(examples));
    tcase_add_test(t, passes_over_extensions_up_to_the_limit);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
