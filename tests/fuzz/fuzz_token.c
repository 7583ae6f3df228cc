/* The input is a token; and a header and claims, two lines, which are signed with a key of the hub.
 */
#include <stdlib.h>
#include <string.h>

#include "access/token.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/token_maker.h"

static struct key_set *keys_of_hub(void)
{
    static struct key_set *keys;
    struct key *k;
    if (keys)
        return keys;
    keys = key_set_create();
    REQUIRE(keys && key_create_secret("k", TOKEN_SECRET, strlen(TOKEN_SECRET), &k) == ERR_OK);
    REQUIRE(key_set_add(keys, k) == ERR_OK);
    return keys;
}

static void check(const char *token, size_t n)
{
    static const struct claims_rules rules;
    struct principal *p;
    struct token_why why;
    REQUIRE(!token_is_costly(keys_of_hub(), token, n));
    enum err e = token_verify(keys_of_hub(), &rules, token, n, 1700000000, &p, &why);
    REQUIRE(e == ERR_OK || (e == ERR_ACCESS && why.fault < TOKEN_FAULTS && *why.text));
    if (e != ERR_OK)
        return;
    REQUIRE(strcmp(p->kid, "k") == 0 && p->ends_s > 1700000000);
    principal_unref(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check((const char *)data, size);
    char *text = malloc(size + 1);
    REQUIRE(text);
    memcpy(text, data, size);
    text[size] = '\0';
    char *claims = strchr(text, '\n');
    if (claims) {
        struct buf token = {0};
        *claims = '\0';
        token_make(&token, text, claims + 1, TOKEN_SECRET, strlen(TOKEN_SECRET));
        check(token.data, token.len);
        buf_finish(&token);
    }
    free(text);
    return 0;
}
