/* The input is what a proxy sends: however it is cut, it means the same. */
#include <string.h>

#include "net/proxy_header.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    struct proxy_header header;
    enum proxy_read read;
    size_t used;
};

static struct outcome feed_by(const char *data, size_t n, size_t step)
{
    struct outcome o = {.read = PROXY_READ_MORE};
    proxy_header_init(&o.header);
    while (o.read == PROXY_READ_MORE && o.used < n) {
        size_t take = step < n - o.used ? step : n - o.used, used;
        o.read = proxy_header_feed(&o.header, data + o.used, take, &used);
        REQUIRE(used <= take && (o.read != PROXY_READ_MORE || used == take));
        o.used += used;
    }
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct outcome whole = feed_by(text, size, size ? size : 1);
    for (size_t step = 1; step < 20 && step < size; step += 6) {
        struct outcome cut = feed_by(text, size, step);
        REQUIRE(cut.read == whole.read && cut.used == whole.used);
        REQUIRE(cut.header.source == whole.header.source);
        REQUIRE(memcmp(&cut.header.client, &whole.header.client, sizeof(struct ip_port)) == 0);
        REQUIRE(cut.header.reason == whole.header.reason);
    }
    REQUIRE((whole.read == PROXY_READ_ERROR) == (whole.header.reason != NULL));
    REQUIRE(whole.used <= PROXY_FIXED_BYTES + PROXY_REST_MAX);
    if (size > 0 && text[0] == 'P')
        REQUIRE(whole.used <= PROXY_LINE_MAX);
    return 0;
}
