/* The input is a value of Forwarded, X-Forwarded-For or Prefer. */
#include <string.h>

#include "http/forwarded.h"
#include "http/prefer.h"
#include "tests/fuzz/fuzz.h"

typedef void adder(struct forwarded *f, const char *value, size_t n, const struct ip_net *trusted,
                   size_t count);

/* Who is behind the last proxy cannot be changed by what a client writes in front of it. */
static void check(const char *text, size_t n, adder *add, const char *last)
{
    struct forwarded alone = {0}, behind = {0};
    struct ip_net trusted;
    char out[IP_PORT_TEXT_SIZE];
    REQUIRE(ip_net_parse("10.0.0.0/8", &trusted) == ERR_OK);
    add(&alone, text, n, &trusted, 1);
    REQUIRE(alone.any || (!alone.known && !alone.untrusted));
    if (alone.known) {
        REQUIRE(alone.untrusted == !ip_in_nets(&alone.client.ip, &trusted, 1));
        ip_port_format(&alone.client, out);
    }
    behind = alone;
    add(&behind, last, strlen(last), &trusted, 1);
    REQUIRE(behind.untrusted && behind.known && behind.client.port == 0);
    ip_port_format(&behind.client, out);
    REQUIRE(strcmp(out, "192.0.2.1") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct prefer prefer = {0};
    check(text, size, forwarded_add_list, "192.0.2.1, 10.0.0.1");
    check(text, size, forwarded_add, "for=192.0.2.1, for=10.0.0.1");
    prefer_add(&prefer, text, size);
    REQUIRE(prefer.has_wait || (!prefer.valid && prefer.wait_s == 0));
    return 0;
}
