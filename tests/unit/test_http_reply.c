/*
 * The reader of answers to what the hub asks: what each input means, fed whole, cut in two at every
 * byte, and byte by byte (RFC 9110, RFC 9112).
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "http/client/http_reply.h"
#include "tests/reply_transcript.h"

#define COUNT(a)  (int)(sizeof(a) / sizeof((a)[0]))
#define OK        "HTTP/1.1 200 OK\r\n"
#define LENGTH(n) "Content-Length: " n "\r\n"
#define CHUNKED   OK "Transfer-Encoding: chunked\r\n\r\n"
#define INVALID   "invalid argument"
#define LARGE     "too large"
#define CUT       "closed"

static const struct http_reply_limits limits = {.head_bytes = 200, .body_bytes = 20};

static const struct example {
    const char *in, *out;
} examples[] = {
    /* Bodies, RFC 9112 section 6.3. */
    {OK LENGTH("5") "\r\nhello", "200 keep-alive hello"},
    {OK LENGTH("5") "\r\nhello!", "200 keep-alive hello +1"},
    {OK LENGTH("0") "\r\n", "200 keep-alive "},
    {OK LENGTH("020") "\r\n01234567890123456789", "200 keep-alive 01234567890123456789"},
    {OK "\r\nto the end", "200 to the end"},
    {OK "\r\n", "200 "},
    {OK "\r\n01234567890123456789", "200 01234567890123456789"},
    {OK "\r\n012345678901234567890", LARGE},
    {CHUNKED "5\r\nhello\r\n0\r\n\r\n", "200 keep-alive hello"},
    {CHUNKED "2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\n\r\nmore", "200 keep-alive hello +4"},
    {CHUNKED "0\r\n\r\n", "200 keep-alive "},
    {CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
     "200 keep-alive 01234567890123456789"},
    {CHUNKED "a\r\n0123456789\r\nb\r\n", LARGE},
    {CHUNKED "ffffffffffffffff\r\n", LARGE},
    {CHUNKED "00000000000000001\r\n", INVALID},
    {CHUNKED "\r\n", INVALID},
    {CHUNKED "x\r\n", INVALID},
    {CHUNKED ";a\r\n", INVALID},
    {CHUNKED " 1\r\n", INVALID},
    {CHUNKED "1 \r\n", INVALID},
    {CHUNKED "1\nx", INVALID},
    {CHUNKED "1\r\nxy\r\n", INVALID},
    {CHUNKED "1\r\nx\n", INVALID},
    {CHUNKED "1;\r\nx", INVALID},
    {CHUNKED "0\r\n:\r\n", INVALID},
    {CHUNKED "0\r\nX\r\n", INVALID},
    {CHUNKED "0\r\nX: \x01", INVALID},
    {CHUNKED "5\r\nhel", CUT},
    {CHUNKED "1\r\nx\r\n", CUT},
    {CHUNKED "0\r\n", CUT},
    {OK "transfer-ENCODING: CHUNKED\r\n\r\n0\r\n\r\n", "200 keep-alive "},
    {"HTTP/1.1 204 No Content\r\n\r\nx", "204 keep-alive  +1"},
    {"HTTP/1.1 304 Not Modified\r\n" LENGTH("7") "\r\n", "304 keep-alive "},
    {"HTTP/1.1 401 Unauthorized\r\n" LENGTH("1") "\r\nx", "401 keep-alive x"},
    /* What may be cut in two ways is refused. */
    {OK LENGTH("1") LENGTH("1") "\r\nx", INVALID},
    {OK LENGTH("1, 1") "\r\nx", INVALID},
    {OK LENGTH("+1") "\r\nx", INVALID},
    {OK LENGTH("") "\r\nx", INVALID},
    {OK LENGTH("0x1") "\r\nx", INVALID},
    {OK LENGTH("21") "\r\n", LARGE},
    {OK LENGTH("99999999999999999999999999") "\r\n", LARGE},
    {OK LENGTH("5") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", INVALID},
    {OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", INVALID},
    {OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", INVALID},
    {OK "Transfer-Encoding: identity\r\n\r\n", INVALID},
    {OK "Transfer-Encoding: \r\n\r\n", INVALID},
    /* Interim answers, RFC 9110 section 15.2. */
    {"HTTP/1.1 100 Continue\r\n\r\n" OK LENGTH("1") "\r\nx", "200 keep-alive x"},
    {"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n" LENGTH("9") "\r\n" OK LENGTH("1") "\r\nx",
     "200 keep-alive x"},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", INVALID},
    {"HTTP/1.1 100 Continue\r\n\r\n", CUT},
    /* Whether the connection stays. */
    {OK "Connection: close\r\n" LENGTH("1") "\r\nx", "200 x"},
    {OK "Connection: a, Close\r\n" LENGTH("1") "\r\nx", "200 x"},
    {"HTTP/1.0 200 OK\r\n" LENGTH("1") "\r\nx", "200 x"},
    {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" LENGTH("1") "\r\nx", "200 keep-alive x"},
    /* Status lines. */
    {"HTTP/1.1 200\r\n" LENGTH("0") "\r\n", "200 keep-alive "},
    {"HTTP/1.1 200 \r\n" LENGTH("0") "\r\n", "200 keep-alive "},
    {"HTTP/1.9 299 \xC3\xBC\r\n" LENGTH("0") "\r\n", "299 keep-alive "},
    {"HTTP/2 200 OK\r\n\r\n", INVALID},
    {"HTTP/2.0 200 OK\r\n\r\n", INVALID},
    {"http/1.1 200 OK\r\n\r\n", INVALID},
    {"HTTP/1.1  200 OK\r\n\r\n", INVALID},
    {"HTTP/1.1 20\r\n\r\n", INVALID},
    {"HTTP/1.1 2000 OK\r\n\r\n", INVALID},
    {"HTTP/1.1 099 OK\r\n\r\n", INVALID},
    {"HTTP/1.1 600 OK\r\n\r\n", INVALID},
    {"HTTP/1.1 200 OK\n\n", INVALID},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", INVALID},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", INVALID},
    {"SSH-2.0-OpenSSH_9.2\r\n", INVALID},
    {"HTTP/1.1 200 OK", CUT},
    {"", CUT},
    /* Fields. */
    {OK "No colon\r\n\r\n", INVALID},
    {OK "Space : a\r\n\r\n", INVALID},
    {OK ": a\r\n\r\n", INVALID},
    {OK "A: b\r\n folded\r\n\r\n", INVALID},
    {OK "A: b\n\r\n", INVALID},
    {OK "A: b\rc\r\n\r\n", INVALID},
    {OK "A: b\r\n", CUT},
};

static void check(const struct example *e, size_t first, size_t step)
{
    struct buf out = {0};
    reply_transcript(&out, &limits, e->in, strlen(e->in), first, step);
    buf_putc(&out, '\0');
    ck_assert_msg(strcmp(out.data, e->out) == 0, "%s\ncut at %zu by %zu: %s, not %s", e->in, first,
                  step, out.data, e->out);
    buf_finish(&out);
}

START_TEST(means_the_same_wherever_it_is_cut)
{
    const struct example *e = &examples[_i];
    size_t n = strlen(e->in);
    for (size_t first = 0; first <= n; first++)
        check(e, first, first ? n + 1 : 1);
}
END_TEST

START_TEST(bounds_all_heads_together)
{
    struct buf in = {0};
    buf_puts(&in, OK "A: ");
    for (int i = 0; i < 300; i++)
        buf_putc(&in, 'a');
    buf_putc(&in, '\0');
    check(&(struct example){in.data, LARGE}, in.len, 1);
    check(&(struct example){in.data, LARGE}, 0, 1);
    buf_clear(&in);
    for (int i = 0; i < 20; i++)
        buf_puts(&in, "HTTP/1.1 100 Continue\r\n\r\n");
    buf_putc(&in, '\0');
    check(&(struct example){in.data, LARGE}, in.len, 1);
    buf_finish(&in);
}
END_TEST

/* Blanks, extensions and trailers are read and dropped: for ever they would keep a reader busy. */
START_TEST(bounds_what_is_around_chunks)
{
    static const char *const endless[] = {"1 ", "1;", "0\r\n"};
    static const uint32_t most = 100;
    for (size_t i = 0; i < 3; i++) {
        struct chunk_reader k;
        struct chunk_found found;
        size_t used, fed = 0;
        chunk_reader_init(&k);
        chunk_reader_feed(&k, most, endless[i], strlen(endless[i]), &used, &found);
        enum chunk_read got = CHUNK_MORE;
        for (; got == CHUNK_MORE && fed < 10 * most; fed++)
            got = chunk_reader_feed(&k, most, i ? "a" : " ", 1, &used, &found);
        ck_assert_int_eq(got, CHUNK_FAULT);
        ck_assert_uint_eq(found.status, i < 2 ? 413 : 431);
        ck_assert_uint_le(fed, most + 1);
    }
}
END_TEST

START_TEST(finds_fields_of_the_last_head)
{
    static const char text[] = "HTTP/1.1 103 Early Hints\r\nETag: x\r\n\r\n" OK
                               "Cache-Control:  max-age=5 \r\n" LENGTH("0") "\r\n";
    struct http_reply r;
    size_t used, n;
    http_reply_init(&r, &limits);
    ck_assert_int_eq(http_reply_feed(&r, text, sizeof(text) - 1, &used), HTTP_REPLY_DONE);
    ck_assert_str_eq(http_fields_named(r.fields, "cache-control", NULL, &n), "max-age=5");
    ck_assert_ptr_null(http_fields_named(r.fields, "etag", NULL, &n));
    ck_assert(!http_reply_is_untouched(&r));
    http_reply_finish(&r);
    ck_assert(http_reply_is_untouched(&r));
    http_fields_finish_thread();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("http_reply");
    TCase *c = tcase_create("http_reply");
    tcase_add_loop_test(c, means_the_same_wherever_it_is_cut, 0, COUNT(examples));
    tcase_add_test(c, bounds_all_heads_together);
    tcase_add_test(c, bounds_what_is_around_chunks);
    tcase_add_test(c, finds_fields_of_the_last_head);
    suite_add_tcase(s, c);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
