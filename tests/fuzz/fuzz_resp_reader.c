/*
 * RESP requests: the rest of the input behind its first byte, fed whole, in pieces of that size,
 * and with a reader that has to keep its rest after every command, must give the same commands.
 */
#include <stdlib.h>
#include <string.h>

#include "frontends/resp/resp_reader.h"
#include "tests/fuzz/fuzz.h"

static const struct resp_limits limits = {.args = 16, .bulk = 100, .command = 400, .line = 120};

static void write_command(const struct resp_reader *r, struct buf *out)
{
    REQUIRE(r->argc >= 1 && r->argc <= limits.args);
    buf_printf(out, "%zu:", r->argc);
    for (size_t i = 0; i < r->argc; i++) {
        REQUIRE(r->argv[i].len <= limits.bulk);
        buf_printf(out, "%zu ", r->argv[i].len);
        buf_append(out, r->argv[i].data, r->argv[i].len);
    }
}

static bool feed(struct resp_reader *r, const uint8_t *data, size_t n, bool keep, struct buf *out)
{
    char *piece = malloc(n);
    enum resp_result result;
    memcpy(piece, data, n);
    resp_reader_feed(r, piece, n);
    while ((result = resp_reader_next(r)) == RESP_COMMAND) {
        write_command(r, out);
        if (!keep || !piece)
            continue;
        resp_reader_keep(r);
        free(piece);
        piece = NULL;
    }
    free(piece);
    REQUIRE(r->kept.len <= limits.command + n);
    if (result == RESP_ERROR)
        buf_puts(out, r->error);
    return result == RESP_MORE;
}

static void run(const uint8_t *data, size_t n, size_t step, bool keep, struct buf *out)
{
    struct resp_reader r;
    resp_reader_init(&r, &limits);
    for (size_t at = 0; at < n; at += step) {
        if (!feed(&r, data + at, step < n - at ? step : n - at, keep, out))
            break;
    }
    resp_reader_finish(&r);
}

static void compare(const struct buf *a, struct buf *b)
{
    REQUIRE(a->len == b->len);
    REQUIRE(a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
    buf_finish(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, other = {0};
    if (size < 2)
        return 0;
    size_t step = data[0] % 16u + 1;
    run(data + 1, size - 1, size - 1, false, &whole);
    run(data + 1, size - 1, step, false, &other);
    compare(&whole, &other);
    run(data + 1, size - 1, size - 1, true, &other);
    compare(&whole, &other);
    run(data + 1, size - 1, step, true, &other);
    compare(&whole, &other);
    buf_finish(&whole);
    return 0;
}
