/*
 * What a TLS listener gets first: where it is cut makes no difference, what is whole is one record,
 * and the name that is found in it is one.
 */
#include <ctype.h>
#include <string.h>

#include "net/tls/tls_hello.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    enum tls_hello_found found;
    size_t used;
    struct tls_hello hello;
};

static struct outcome feed_by(const char *data, size_t n, size_t step)
{
    struct outcome o = {.found = TLS_HELLO_MORE};
    while (o.found == TLS_HELLO_MORE && o.used < n) {
        size_t take = step < n - o.used ? step : n - o.used, used;
        o.found = tls_hello_feed(&o.hello, data + o.used, take, &used);
        REQUIRE(used <= take && (o.found != TLS_HELLO_MORE || used == take));
        o.used += used;
    }
    return o;
}

static void check_whole(const struct tls_hello *h)
{
    char name[TLS_NAME_MAX + 1];
    const uint8_t *record = (const uint8_t *)h->record.data;
    REQUIRE(h->record.len <= 5 + TLS_HELLO_MAX);
    REQUIRE(record[0] == 22 && record[1] == 3 && record[5] == 1);
    REQUIRE((size_t)(record[3] << 8 | record[4]) == h->record.len - 5);
    tls_hello_name(h, name);
    REQUIRE(strlen(name) <= TLS_NAME_MAX);
    for (const char *p = name; *p; p++)
        REQUIRE(!isupper((unsigned char)*p) && isgraph((unsigned char)*p));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct outcome whole = feed_by(text, size, size ? size : 1);
    for (size_t step = 1; step < 20 && step < size; step += 6) {
        struct outcome cut = feed_by(text, size, step);
        REQUIRE(cut.found == whole.found);
        if (whole.found == TLS_HELLO_WHOLE) {
            REQUIRE(cut.used == whole.used && cut.hello.record.len == whole.hello.record.len);
            REQUIRE(memcmp(cut.hello.record.data, whole.hello.record.data, cut.hello.record.len) ==
                    0);
        }
        if (whole.found == TLS_HELLO_WRONG)
            REQUIRE(cut.hello.alert == whole.hello.alert);
        tls_hello_finish(&cut.hello);
    }
    if (whole.found == TLS_HELLO_WHOLE)
        check_whole(&whole.hello);
    tls_hello_finish(&whole.hello);
    return 0;
}
