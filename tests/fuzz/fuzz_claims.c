/* The input is claims. */
#include <string.h>

#include "access/access.h"
#include "access/claims.h"
#include "broker/topic_name.h"
#include "tests/fuzz/fuzz.h"

/* Each grant is a pattern, and grants itself unless something is denied that it meets. */
static void check_grants(const struct principal *p)
{
    struct grants rest = p->grants;
    struct grant g, by;
    unsigned count = 0;
    while (grants_next(&rest, &g)) {
        REQUIRE(++count <= GRANTS_MAX && topic_pattern_valid(g.pattern, g.len));
        for (unsigned right = 1; right <= ACCESS_PRESENCE; right <<= 1)
            if (g.rights & right)
                REQUIRE(grants_judge(p->grants, (enum access_right)right, g.pattern, g.len, &by) !=
                        GRANT_NONE);
    }
    REQUIRE(rest.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct claims_rules rules = {.endless = true, .leeway_s = 5};
    static const struct claims_bearer bearer;
    struct principal *p;
    struct token_why why;
    enum err e =
        principal_from_claims((const char *)data, size, &rules, &bearer, 1700000000, &p, &why);
    REQUIRE(e == ERR_OK || (e == ERR_ACCESS && why.fault < TOKEN_FAULTS && *why.text));
    if (e != ERR_OK)
        return 0;
    REQUIRE(strlen(p->sub) <= PRINCIPAL_NAME_MAX && p->info_len <= PRINCIPAL_INFO_MAX);
    REQUIRE(claims_fault_at(p, 5, 1700000000) == TOKEN_FAULTS);
    check_grants(p);
    principal_unref(p);
    return 0;
}
