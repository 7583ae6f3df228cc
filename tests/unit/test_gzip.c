/* Blocks of gzip streams, each made apart: put together in any order they are read by zlib as one
 * stream, cut anywhere; each is read whole before the next one comes. */
#include "base/gzip.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/deflate.h"

enum { TEXT_MAX = 200000, ROOM = 1 << 20 };

static const struct gzip_rule rule = {.min_bytes = 64, .level = 6};

/* How many calls succeed before one fails; -1: all. */
static int until_failure = -1;

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);

static bool fails(void)
{
    return until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

/* --- texts --- */

static char *texts[6];
static const size_t sizes[6] = {1000, 20, 64, 1, 70000, TEXT_MAX};
static struct buf out;
static unsigned char *read_back;

/* Words that come again, so that each block would gladly refer to the one before; the last text is
 * noise, which is stored in several parts. */
static void setup(void)
{
    static const char *const words[] = {"\"price\":", "\"symbol\":", "AAPL", "1042", ",", "{", "}"};
    unsigned seed = 7;
    for (int i = 0; i < 6; i++) {
        texts[i] = malloc(sizes[i]);
        for (size_t n = 0; n < sizes[i]; seed = seed * 1103515245 + 12345) {
            const char *word = words[seed >> 16 & 3];
            size_t len = i == 5 ? 1 : strlen(word);
            len = len < sizes[i] - n ? len : sizes[i] - n;
            if (i == 5)
                texts[i][n] = (char)(seed >> 20);
            else
                memcpy(texts[i] + n, word, len);
            n += len;
        }
    }
    read_back = malloc(ROOM);
}

static void teardown(void)
{
    for (int i = 0; i < 6; i++)
        free(texts[i]);
    free(read_back);
    buf_finish(&out);
    deflate_finish_thread();
}

static size_t put(int text, const struct gzip_rule *by)
{
    size_t at = gzip_begin(&out);
    buf_append(&out, texts[text], sizes[text]);
    return gzip_end(&out, at, by);
}

/* --- reading --- */

static void open_stream(z_stream *z)
{
    *z = (z_stream){.next_out = read_back, .avail_out = ROOM};
    ck_assert_int_eq(inflateInit2(z, 15 + 16), Z_OK);
}

/* Feeds bytes FROM to TO of `out`, and returns what zlib says then. */
static int feed(z_stream *z, size_t from, size_t to)
{
    char *copy = malloc(to - from + 1); /* of exactly its size */
    memcpy(copy, out.data + from, to - from);
    z->next_in = (Bytef *)copy;
    z->avail_in = (uInt)(to - from);
    int r = from == to ? Z_OK : inflate(z, Z_SYNC_FLUSH);
    ck_assert(r == Z_OK || r == Z_STREAM_END || r == Z_BUF_ERROR); /* it waits for more */
    r = r == Z_BUF_ERROR ? Z_OK : r;
    ck_assert_uint_eq(z->avail_in, 0);
    free(copy);
    return r;
}

/* --- tests --- */

/* Some streams of blocks, an end that is -1. */
static const int streams[][6] = {{0, 0, 0, -1}, {1, 0, 2, 0, 3, -1}, {3, 3, 2, 1, 0, -1},
                                 {0, 4, 0, -1}, {5, 0, -1},          {-1}};

/* Each is made once, and put behind whatever was before. */
static void join(const int *blocks, struct gzip_sum *sum)
{
    for (; *blocks >= 0; blocks++) {
        struct gzip_sum one = {0};
        put(*blocks, &rule);
        gzip_sum_add(&one, texts[*blocks], sizes[*blocks]);
        gzip_sum_join(sum, &one);
    }
}

static void is_joined(const int *blocks, size_t total)
{
    size_t at = 0;
    for (; *blocks >= 0; at += sizes[*blocks++])
        ck_assert_mem_eq(read_back + at, texts[*blocks], sizes[*blocks]);
    ck_assert_uint_eq(total, at);
}

START_TEST(streams_are_read_wherever_they_are_cut)
{
    const int *blocks = streams[_i];
    struct gzip_sum sum = {0};
    gzip_head(&out);
    join(blocks, &sum);
    gzip_trailer(&out, &sum);
    /* All cuts of what is small, and some of the rest. */
    for (size_t cut = 0; cut <= out.len; cut += out.len < 2000 ? 1 : 997) {
        z_stream z;
        open_stream(&z);
        feed(&z, 0, cut);
        ck_assert_int_eq(cut == out.len ? Z_STREAM_END : feed(&z, cut, out.len), Z_STREAM_END);
        is_joined(blocks, z.total_out);
        inflateEnd(&z);
    }
}
END_TEST

START_TEST(streams_are_read_byte_by_byte)
{
    struct gzip_sum sum = {0};
    gzip_head(&out);
    join(streams[_i], &sum);
    gzip_trailer(&out, &sum);
    z_stream z;
    open_stream(&z);
    for (size_t i = 0; i + 1 < out.len; i++)
        ck_assert_int_eq(feed(&z, i, i + 1), Z_OK);
    ck_assert_int_eq(feed(&z, out.len - 1, out.len), Z_STREAM_END);
    is_joined(streams[_i], z.total_out);
    inflateEnd(&z);
}
END_TEST

/* What a subscriber has got it can read, whatever follows, and whatever it has got before. */
START_TEST(a_block_is_read_before_the_next_one_comes)
{
    for (int before = 0; before < 6; before++) {
        for (int i = 0; i < 6; i++) {
            buf_clear(&out);
            gzip_head(&out);
            put(before, &rule);
            size_t first = out.len;
            put(i, &rule);
            z_stream z;
            open_stream(&z);
            feed(&z, 0, first);
            ck_assert_uint_eq(z.total_out, sizes[before]);
            feed(&z, first, out.len);
            ck_assert_uint_eq(z.total_out, sizes[before] + sizes[i]);
            ck_assert_mem_eq(read_back + sizes[before], texts[i], sizes[i]);
            inflateEnd(&z);
        }
    }
}
END_TEST

START_TEST(the_same_text_is_the_same_block)
{
    size_t first = put(0, &rule), begin = out.len;
    put(4, &rule);
    size_t at = out.len;
    ck_assert_uint_eq(put(0, &rule), first);
    ck_assert_uint_eq(out.len - at, begin);
    ck_assert_mem_eq(out.data, out.data + at, begin);
}
END_TEST

START_TEST(what_is_short_or_noise_is_stored)
{
    static const struct gzip_rule exactly = {.min_bytes = 20, .level = 6};
    ck_assert_uint_eq(put(1, &rule), 0);
    ck_assert_uint_eq(out.len, 20 + GZIP_STORED_BYTES + GZIP_FLUSH_BYTES);
    ck_assert_mem_eq(out.data, "\x00\x14\x00\xeb\xff", GZIP_STORED_BYTES);
    ck_assert_mem_eq(out.data + 25, "\x00\x00\x00\xff\xff", GZIP_FLUSH_BYTES);
    ck_assert_uint_eq(put(0, NULL), 0);
    ck_assert_uint_eq(put(5, &rule), 0);
    ck_assert_uint_gt(put(0, &rule), 0);
    buf_clear(&out);
    size_t at = gzip_begin(&out);
    buf_append(&out, "aaaaaaaaaaaaaaaaaaaa", 20);
    ck_assert_uint_gt(gzip_end(&out, at, &exactly), 0);
}
END_TEST

START_TEST(nothing_is_a_block_too)
{
    size_t at = gzip_begin(&out);
    ck_assert_uint_eq(gzip_end(&out, at, &rule), 0);
    ck_assert_uint_eq(out.len, GZIP_STORED_BYTES + GZIP_FLUSH_BYTES);
}
END_TEST

START_TEST(stored_blocks_give_their_text_back)
{
    for (int i = 0; i < 6; i++) {
        struct buf text = {0};
        buf_clear(&out);
        put(i, NULL);
        gzip_unstore(&text, out.data, out.len);
        ck_assert_uint_eq(text.len, sizes[i]);
        ck_assert_mem_eq(text.data, texts[i], sizes[i]);
        buf_finish(&text);
    }
}
END_TEST

/* Sizes around those at which another part begins. */
START_TEST(parts_are_as_long_as_they_may_be)
{
    static const size_t around[] = {65534, 65535, 65536, 131069, 131070, 131071, 196605, 196606};
    size_t n = around[_i];
    struct buf text = {0};
    size_t at = gzip_begin(&out);
    buf_append(&out, texts[5], n);
    gzip_end_stored(&out, at);
    ck_assert_uint_eq(out.len, n + (n + 65534) / 65535 * GZIP_STORED_BYTES);
    gzip_unstore(&text, out.data, out.len);
    ck_assert_uint_eq(text.len, n);
    ck_assert_mem_eq(text.data, texts[5], n);
    buf_finish(&text);
}
END_TEST

/* Whichever call fails: either the buffer says so, or the block is whole. */
START_TEST(without_memory_it_is_stored_or_fails)
{
    bool failed = true;
    for (int i = 0; failed; i++) {
        buf_finish(&out);
        deflate_finish_thread();
        until_failure = i;
        gzip_head(&out);
        put(4, &rule);
        failed = until_failure < 0;
        until_failure = -1;
        if (out.failed)
            continue;
        z_stream z;
        open_stream(&z);
        feed(&z, 0, out.len);
        ck_assert_uint_eq(z.total_out, sizes[4]);
        ck_assert_mem_eq(read_back, texts[4], sizes[4]);
        inflateEnd(&z);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("gzip");
    TCase *t = tcase_create("gzip");
    const int count = sizeof(streams) / sizeof(*streams);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 0);
    tcase_add_loop_test(t, streams_are_read_wherever_they_are_cut, 0, count);
    tcase_add_loop_test(t, streams_are_read_byte_by_byte, 0, count);
    tcase_add_test(t, a_block_is_read_before_the_next_one_comes);
    tcase_add_test(t, the_same_text_is_the_same_block);
    tcase_add_test(t, what_is_short_or_noise_is_stored);
    tcase_add_test(t, nothing_is_a_block_too);
    tcase_add_test(t, stored_blocks_give_their_text_back);
    tcase_add_loop_test(t, parts_are_as_long_as_they_may_be, 0, 8);
    tcase_add_test(t, without_memory_it_is_stored_or_fails);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
