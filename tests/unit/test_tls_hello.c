/*
 * What a TLS listener gets first: hellos whole, cut at every byte, and in records of any size; and
 * what is none.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "net/tls/tls_hello.h"

enum { RECORD_HEAD = 5, HELLO_SIZE = 300 };

/* Appends BYTES bytes of a number. */
static void put(struct buf *b, size_t n, unsigned bytes)
{
    while (bytes-- > 0)
        buf_putc(b, (char)(n >> 8 * bytes & 0xff));
}

/* A ClientHello of SIZE bytes at least, in which NAME is asked for; NULL: none is. */
static struct buf message(const char *name, size_t size)
{
    struct buf body = {0}, extensions = {0}, all = {0};
    put(&body, 0x0303, 2);
    for (int i = 0; i < 32; i++)
        buf_putc(&body, (char)i);
    put(&body, 0, 1); /* session id */
    put(&body, 2, 2); /* suites */
    put(&body, 0xc02b, 2);
    put(&body, 0x0100, 2); /* compression: one, none */
    if (name) {
        size_t n = strlen(name);
        put(&extensions, 0, 2);
        put(&extensions, n + 5, 2);
        put(&extensions, n + 3, 2);
        put(&extensions, 0, 1);
        put(&extensions, n, 2);
        buf_append(&extensions, name, n);
    }
    put(&extensions, 21, 2); /* padding */
    put(&extensions, size, 2);
    for (size_t i = 0; i < size; i++)
        put(&extensions, 0, 1);
    put(&body, extensions.len, 2);
    buf_append(&body, extensions.data, extensions.len);
    put(&all, 1, 1);
    put(&all, body.len, 3);
    buf_append(&all, body.data, body.len);
    buf_finish(&body);
    buf_finish(&extensions);
    return all;
}

/* The same in records of SIZE bytes at most. */
static struct buf records(const struct buf *m, size_t size)
{
    struct buf all = {0};
    for (size_t at = 0; at < m->len; at += size) {
        size_t n = m->len - at < size ? m->len - at : size;
        put(&all, 22, 1);
        put(&all, 0x0301, 2);
        put(&all, n, 2);
        buf_append(&all, m->data + at, n);
    }
    return all;
}

/* As a whole hello is handed on: one record. */
static void expect_whole(const struct tls_hello *h, const struct buf *m)
{
    ck_assert_uint_eq(h->record.len, RECORD_HEAD + m->len);
    ck_assert_mem_eq(h->record.data, "\x16\x03\x01", 3);
    ck_assert_uint_eq((unsigned char)h->record.data[3], m->len >> 8);
    ck_assert_uint_eq((unsigned char)h->record.data[4], m->len & 0xff);
    ck_assert_mem_eq(h->record.data + RECORD_HEAD, m->data, m->len);
}

/* Feeds N bytes, PIECE at a time. */
static enum tls_hello_found feed(struct tls_hello *h, const char *data, size_t n, size_t piece,
                                 size_t *ret_used)
{
    enum tls_hello_found found = TLS_HELLO_MORE;
    for (*ret_used = 0; *ret_used < n && found == TLS_HELLO_MORE;) {
        size_t left = n - *ret_used, used;
        found = tls_hello_feed(h, data + *ret_used, left < piece ? left : piece, &used);
        *ret_used += used;
    }
    return found;
}

static void read_in_pieces(size_t record, size_t piece)
{
    struct tls_hello h = {0};
    struct buf m = message("example.org", HELLO_SIZE), all = records(&m, record);
    size_t used, hello = all.len;
    buf_puts(&all, "behind");
    ck_assert_int_eq(feed(&h, all.data, all.len, piece, &used), TLS_HELLO_WHOLE);
    ck_assert_uint_eq(used, hello);
    expect_whole(&h, &m);
    tls_hello_finish(&h);
    buf_finish(&m);
    buf_finish(&all);
}

START_TEST(a_hello_is_read_however_it_is_cut)
{
    static const size_t sizes[] = {1, 2, 3, 4, 5, 100, 16384};
    for (size_t r = 0; r < sizeof(sizes) / sizeof(sizes[0]); r++)
        for (size_t p = 0; p < sizeof(sizes) / sizeof(sizes[0]); p++)
            read_in_pieces(sizes[r], sizes[p]);
}
END_TEST

START_TEST(a_hello_is_read_cut_in_two_at_each_byte)
{
    struct buf m = message("example.org", HELLO_SIZE), all = records(&m, 100);
    for (size_t cut = 1; cut < all.len; cut++) {
        struct tls_hello h = {0};
        size_t used;
        ck_assert_int_eq(tls_hello_feed(&h, all.data, cut, &used), TLS_HELLO_MORE);
        ck_assert_uint_eq(used, cut);
        ck_assert_int_eq(tls_hello_feed(&h, all.data + cut, all.len - cut, &used), TLS_HELLO_WHOLE);
        expect_whole(&h, &m);
        tls_hello_finish(&h);
    }
    buf_finish(&m);
    buf_finish(&all);
}
END_TEST

static const struct {
    const char *bytes;
    size_t n;
    enum tls_hello_found found;
    enum tls_alert alert;
} others[] = {
    {"G", 1, TLS_HELLO_HTTP, 0},
    {"z", 1, TLS_HELLO_HTTP, 0},
    {"\0", 1, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    {"\x15\x03\x03", 3, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    {"\x80\x2e\x01\x03\x01", 5, TLS_HELLO_WRONG, TLS_ALERT_protocol_version},
    {"\x16\x02\x00\x00\x05", 5, TLS_HELLO_WRONG, TLS_ALERT_protocol_version},
    {"\x16\x03\x01\x40\x01", 5, TLS_HELLO_WRONG, TLS_ALERT_record_overflow},
    {"\x16\x03\x01\x00\x00", 5, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    {"\x16\x03\x01\x00\x01\x02", 6, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    {"\x16\x03\x01\x00\x04\x01\x01\x00\x00", 9, TLS_HELLO_WRONG, TLS_ALERT_illegal_parameter},
    {"\x16\x03\x01\x00\x05\x01\x00\x00\x00\x00", 10, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    /* a second record that is none of the hello's */
    {"\x16\x03\x01\x00\x01\x01G", 7, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
    {"\x16\x03\x01\x00\x01\x01\x17", 7, TLS_HELLO_WRONG, TLS_ALERT_unexpected_message},
};

START_TEST(what_is_no_hello_is_told_at_the_first_byte_that_shows_it)
{
    for (size_t piece = 1; piece <= 16; piece++) {
        struct tls_hello h = {0};
        size_t used;
        ck_assert_int_eq(feed(&h, others[_i].bytes, others[_i].n, piece, &used), others[_i].found);
        if (others[_i].found == TLS_HELLO_WRONG)
            ck_assert_int_eq(h.alert, others[_i].alert);
        tls_hello_finish(&h);
    }
}
END_TEST

START_TEST(a_hello_may_be_as_long_as_a_record)
{
    struct tls_hello h = {0};
    struct buf small = message(NULL, 0);
    struct buf m = message(NULL, TLS_HELLO_MAX - small.len), all = records(&m, 16384);
    size_t used;
    ck_assert_uint_eq(m.len, TLS_HELLO_MAX);
    ck_assert_int_eq(tls_hello_feed(&h, all.data, all.len, &used), TLS_HELLO_WHOLE);
    expect_whole(&h, &m);
    tls_hello_finish(&h);
    buf_finish(&all);
    m.data[3]++; /* one byte more */
    all = records(&m, 16384);
    h = (struct tls_hello){0};
    ck_assert_int_eq(tls_hello_feed(&h, all.data, all.len, &used), TLS_HELLO_WRONG);
    ck_assert_int_eq(h.alert, TLS_ALERT_illegal_parameter);
    tls_hello_finish(&h);
    buf_finish(&small);
    buf_finish(&m);
    buf_finish(&all);
}
END_TEST

static void expect_name(const char *asked, const char *expected)
{
    struct tls_hello h = {0};
    char name[TLS_NAME_MAX + 1];
    struct buf m = message(asked, 10), all = records(&m, 16384);
    size_t used;
    ck_assert_int_eq(tls_hello_feed(&h, all.data, all.len, &used), TLS_HELLO_WHOLE);
    tls_hello_name(&h, name);
    ck_assert_str_eq(name, expected);
    tls_hello_finish(&h);
    buf_finish(&m);
    buf_finish(&all);
}

START_TEST(the_name_is_found)
{
    char longest[TLS_NAME_MAX + 2];
    memset(longest, 'a', sizeof(longest));
    longest[TLS_NAME_MAX + 1] = '\0';
    expect_name(longest, ""); /* no name is as long */
    longest[TLS_NAME_MAX] = '\0';
    expect_name(longest, longest);
    expect_name(NULL, "");
    expect_name("", "");
    expect_name("example.org", "example.org");
    expect_name("EXAMPLE.org", "example.org");
    expect_name("a b", "");
    expect_name("a/../b", "");
}
END_TEST

/* Lengths that lie: nothing behind the hello is read (under ASan), and no name comes of it. */
START_TEST(a_hello_whose_lengths_lie_has_no_name)
{
    struct buf m = message("example.org", 0);
    for (size_t at = 4 + 34; at < m.len; at++) {
        for (unsigned value = 0; value < 256; value += 51) {
            struct tls_hello h = {0};
            char name[TLS_NAME_MAX + 1], was = m.data[at];
            size_t used;
            m.data[at] = (char)value;
            struct buf all = records(&m, 16384);
            ck_assert_int_eq(tls_hello_feed(&h, all.data, all.len, &used), TLS_HELLO_WHOLE);
            tls_hello_name(&h, name);
            ck_assert_uint_le(strlen(name), TLS_NAME_MAX);
            m.data[at] = was;
            tls_hello_finish(&h);
            buf_finish(&all);
        }
    }
    buf_finish(&m);
}
END_TEST

START_TEST(an_alert_is_a_record)
{
    uint8_t out[TLS_HELLO_ALERT_SIZE];
    tls_hello_put_alert(TLS_ALERT_protocol_version, out);
    ck_assert_mem_eq(out, "\x15\x03\x03\x00\x02\x02\x46", sizeof(out));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("tls_hello");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_hello_is_read_however_it_is_cut);
    tcase_add_test(t, a_hello_is_read_cut_in_two_at_each_byte);
    tcase_add_loop_test(t, what_is_no_hello_is_told_at_the_first_byte_that_shows_it, 0,
                        (int)(sizeof(others) / sizeof(others[0])));
    tcase_add_test(t, a_hello_may_be_as_long_as_a_record);
    tcase_add_test(t, the_name_is_found);
    tcase_add_test(t, a_hello_whose_lengths_lie_has_no_name);
    tcase_add_test(t, an_alert_is_a_record);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
