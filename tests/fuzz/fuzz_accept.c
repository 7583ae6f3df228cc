/* The input is the value of Accept, and of Content-Type. */
#include <string.h>

#include "http/accept.h"
#include "tests/fuzz/fuzz.h"

static void check_accept(const char *value, size_t n)
{
    struct accept once = {0}, twice = {0};
    accept_add(&once, value, n);
    REQUIRE(once.events <= 1000 && once.json <= 1000 && once.json_rank <= 3);
    REQUIRE(!accept_events(&once) || once.events > 0);
    accept_add(&twice, value, n);
    accept_add(&twice, value, n);
    REQUIRE(accept_events(&once) == accept_events(&twice));
}

/* A parsed name is its own name. */
static void check_content_type(const char *value, size_t n)
{
    struct content_type t, again;
    if (content_type_parse(value, n, &t) != ERR_OK)
        return;
    REQUIRE(strlen(t.name) <= CONTENT_TYPE_MAX && strchr(t.name, '/'));
    REQUIRE(content_type_parse(t.name, strlen(t.name), &again) == ERR_OK);
    REQUIRE(strcmp(t.name, again.name) == 0 && t.kind == again.kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_accept((const char *)data, size);
    check_content_type((const char *)data, size);
    return 0;
}
