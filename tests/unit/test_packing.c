/* Messages for who takes gzip: as blocks of event streams, and as answers of long-polls that are
 * put together out of them. What is read back is what those get who take none. */
#include "delivery/packing.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "delivery/envelope_encoding.h"
#include "delivery/poll_packed.h"
#include "frontends/sse/sse_encoding.h"
#include "http/chunk.h"
#include "tests/unit/encoding_fixture.h"

enum { ROOM = 1 << 20 };

static char large[100000], noise[3000];
static struct buf plain, unpacked;

static void setup(void)
{
    unsigned seed = 3;
    encoding_setup();
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = "{\"a\":1}\n"[i % 8];
    for (size_t i = 0; i < sizeof(noise); i++, seed = seed * 1103515245 + 12345)
        noise[i] = (char)('!' + (seed >> 16) % 90);
    packing_take_tally();
}

static void teardown(void)
{
    packing_set_rule(&(struct gzip_rule){.min_bytes = 512, .level = 6});
    buf_finish(&plain);
    buf_finish(&unpacked);
    encoding_teardown();
}

static const struct {
    enum message_kind kind;
    const char *data;
    size_t n;
    const char *event;
    bool deflated;
} messages[] = {
    {MESSAGE_TEXT, "x", 1, "", false},       {MESSAGE_TEXT, "", 0, "tick", false},
    {MESSAGE_TEXT, large, 600, "", true},    {MESSAGE_JSON, "[1,2]", 5, "e", false},
    {MESSAGE_TEXT, large, 100000, "", true}, {MESSAGE_BINARY, large, 2000, "", true},
    {MESSAGE_TEXT, noise, 300, "", false},
};

enum { MESSAGES = sizeof(messages) / sizeof(*messages) };

static void take(int i)
{
    payload(messages[i].kind, messages[i].data, messages[i].n);
    event(messages[i].event, strlen(messages[i].event));
}

/* Unpacks the N bytes of a gzip stream at DATA; returns zlib's last word. */
static int unpack(const char *data, size_t n)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
    ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
    buf_clear(&unpacked);
    z.next_out = (Bytef *)buf_reserve(&unpacked, ROOM);
    z.avail_out = ROOM;
    int r = inflate(&z, Z_SYNC_FLUSH);
    ck_assert_uint_eq(z.avail_in, 0);
    unpacked.len = z.total_out;
    inflateEnd(&z);
    return r;
}

static void unpacks_to(const struct buf *text)
{
    ck_assert_uint_eq(unpacked.len, text->len);
    ck_assert_mem_eq(unpacked.data, text->data, text->len);
}

/* --- event streams --- */

/* What the receivers of a stream of FORM get of the message, joining or not. */
static void get(struct sse_form form, bool joining, struct buf *to)
{
    const struct encoding *e = sse_encoding_of(form);
    message_encode(&m, joining ? sse_encoding_of_joining(e) : e, to);
}

START_TEST(blocks_are_those_of_who_takes_no_gzip)
{
    for (int bits = 0; bits < 8; bits++) {
        struct sse_form form = {.raw = bits & 1, .chunked = bits & 2};
        size_t head = form.chunked ? CHUNK_HEAD : 0, tail = form.chunked ? CHUNK_TAIL : 0;
        take(_i);
        buf_clear(&plain);
        get(form, bits & 4, &plain);
        form.gzip = true;
        buf_clear(&out);
        get(form, bits & 4, &out);
        if (form.chunked)
            ck_assert_uint_eq(strtoul(out.data, NULL, 16), out.len - head - tail);
        struct buf stream = {0};
        gzip_head(&stream);
        buf_append(&stream, out.data + head, out.len - head - tail);
        ck_assert_int_eq(unpack(stream.data, stream.len), Z_OK);
        buf_consume(&plain, head);
        plain.len -= tail;
        unpacks_to(&plain);
        buf_finish(&stream);
    }
}
END_TEST

START_TEST(forms_are_told_by_their_encodings)
{
    for (int bits = 0; bits < 8; bits++) {
        struct sse_form form = {.raw = bits & 1, .chunked = bits & 2, .gzip = bits & 4};
        struct sse_form again = sse_encoding_form(sse_encoding_of(form));
        ck_assert(again.raw == form.raw && again.chunked == form.chunked);
        ck_assert(again.gzip == form.gzip);
        const struct encoding *joining = sse_encoding_of_joining(sse_encoding_of(form));
        ck_assert_uint_eq(joining->slot, MESSAGE_UNSHARED);
    }
}
END_TEST

START_TEST(who_gets_chunks_shares_with_who_does_not)
{
    for (int i = 0; sse_encodings[i]; i++)
        ck_assert_int_eq(encoding_register(sse_encodings[i]), ERR_OK);
    for (int bits = 0; bits < 4; bits++) {
        struct sse_form form = {.raw = bits & 1, .gzip = bits & 2};
        const struct encoding *bare = sse_encoding_of(form);
        form.chunked = true;
        ck_assert_uint_eq(sse_encoding_of(form)->slot, bare->slot);
    }
    ck_assert_uint_ne(sse_encoding_raw_gzip.slot, sse_encoding_raw.slot);
    ck_assert_uint_ne(sse_encoding_raw_gzip.slot, sse_encoding_envelope_gzip.slot);
}
END_TEST

START_TEST(what_is_deflated_is_counted)
{
    buf_clear(&out);
    take(0);
    get((struct sse_form){.raw = true, .gzip = true}, false, &out);
    ck_assert_uint_eq(packing_take_tally().messages, 0);
    take(2);
    get((struct sse_form){.raw = true}, false, &plain);
    buf_clear(&out);
    get((struct sse_form){.raw = true, .gzip = true}, false, &out);
    struct packing_tally tally = packing_take_tally();
    ck_assert_uint_eq(tally.messages, 1);
    ck_assert_uint_eq(tally.plain_bytes, plain.len);
    ck_assert_uint_eq(tally.packed_bytes, out.len);
    ck_assert_uint_lt(out.len * 4, plain.len);
    ck_assert_uint_eq(packing_take_tally().messages, 0);
}
END_TEST

START_TEST(the_rule_says_which)
{
    for (int min = 1; min <= 2000; min += 1999) {
        packing_set_rule(&(struct gzip_rule){.min_bytes = (size_t)min, .level = 1});
        take(2);
        buf_clear(&out);
        envelope_encoding_packed.encode(&m, &out);
        ck_assert_uint_eq(packing_take_tally().messages, min == 1);
    }
}
END_TEST

/* --- long-polls --- */

static const char *const begin_text = "{\"cursor\":\"9-9\",\"messages\":[";
static const char *const end_text = "],\"live\":true}";

/* The bodies of both kinds with the messages LIST, ended by -1; packed in `out`. */
static bool join(const int *list)
{
    struct buf begin = {0}, end = {0}, records = {0};
    buf_puts(&begin, begin_text);
    buf_puts(&end, end_text);
    buf_clear(&plain);
    buf_puts(&plain, begin_text);
    for (int i = 0; list[i] >= 0; i++) {
        take(list[i]);
        if (i)
            buf_putc(&plain, ',');
        envelope_encoding.encode(&m, &plain);
        envelope_encoding_packed.encode(&m, &records);
    }
    buf_puts(&plain, end_text);
    buf_clear(&out);
    bool gzip = poll_packed_join(&out, &begin, records.data, records.len, &end);
    ck_assert(!out.failed);
    buf_finish(&begin);
    buf_finish(&end);
    buf_finish(&records);
    return gzip;
}

static const int answers[][MESSAGES + 1] = {
    {2, -1}, {2, 2, 2, -1}, {0, 2, 1, -1}, {4, 0, 5, -1}, {0, 1, 2, 3, 4, 5, 6, -1}};

/* With the sum that zlib finds itself. */
START_TEST(answers_are_whole_streams)
{
    ck_assert(join(answers[_i]));
    ck_assert_int_eq(unpack(out.data, out.len), Z_STREAM_END);
    unpacks_to(&plain);
}
END_TEST

START_TEST(what_is_not_deflated_is_the_text_itself)
{
    static const int short_ones[][4] = {{-1}, {0, -1}, {0, 1, 3, -1}, {6, 0, -1}};
    for (size_t i = 0; i < sizeof(short_ones) / sizeof(*short_ones); i++) {
        ck_assert(!join(short_ones[i]));
        ck_assert_uint_eq(out.len, plain.len);
        ck_assert_mem_eq(out.data, plain.data, plain.len);
    }
}
END_TEST

START_TEST(envelopes_are_read_one_by_one)
{
    struct buf records = {0};
    for (int i = 0; i < MESSAGES; i++) {
        take(i);
        envelope_encoding_packed.encode(&m, &records);
    }
    const char *at = records.data;
    for (int i = 0; i < MESSAGES; i++) {
        struct envelope_packed e;
        struct gzip_sum sum = {0};
        take(i);
        buf_clear(&plain);
        envelope_encoding.encode(&m, &plain);
        gzip_sum_add(&sum, plain.data, plain.len);
        envelope_packed_next(&at, &e);
        ck_assert_int_eq(e.deflated, messages[i].deflated);
        ck_assert_uint_eq(e.sum.len, plain.len);
        ck_assert_uint_eq(e.sum.crc, sum.crc);
    }
    ck_assert_ptr_eq(at, records.data + records.len);
    buf_finish(&records);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("packing");
    TCase *t = tcase_create("packing");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, blocks_are_those_of_who_takes_no_gzip, 0, MESSAGES);
    tcase_add_test(t, forms_are_told_by_their_encodings);
    tcase_add_test(t, who_gets_chunks_shares_with_who_does_not);
    tcase_add_test(t, what_is_deflated_is_counted);
    tcase_add_test(t, the_rule_says_which);
    tcase_add_loop_test(t, answers_are_whole_streams, 0, sizeof(answers) / sizeof(*answers));
    tcase_add_test(t, what_is_not_deflated_is_the_text_itself);
    tcase_add_test(t, envelopes_are_read_one_by_one);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
