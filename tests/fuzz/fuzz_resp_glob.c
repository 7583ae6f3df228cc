/* The input is GLOB LF NAME: a translated glob matches what Redis says that the glob matches. */
#include <string.h>

#include "broker/topic_name.h"
#include "frontends/resp/resp_glob.h"
#include "tests/fuzz/fuzz.h"

/* As Redis matches; of the wildcards only `*`, and that at the end: the others are never
 * translated. */
static bool glob_matches(const char *g, size_t gn, const char *s, size_t sn)
{
    while (gn) {
        if (*g == '*') {
            for (size_t i = 0; i <= sn; i++)
                if (glob_matches(g + 1, gn - 1, s + i, sn - i))
                    return true;
            return false;
        }
        size_t skip = *g == '\\' && gn > 1;
        if (!sn || g[skip] != *s)
            return false;
        g += skip + 1;
        gn -= skip + 1;
        s++;
        sn--;
    }
    return sn == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *glob = (const char *)data, *lf = size ? memchr(glob, '\n', size) : NULL;
    char filter[RESP_GLOB_MAX];
    size_t n;
    if (!lf || (size_t)(lf - glob) > TOPIC_NAME_MAX || !resp_glob_is(glob, (size_t)(lf - glob)))
        return 0;
    size_t g = (size_t)(lf - glob), name = size - g - 1;
    if (resp_glob_translate(glob, g, filter, &n) != ERR_OK)
        return 0;
    REQUIRE(n <= RESP_GLOB_MAX);
    if (!topic_pattern_valid(filter, n) || !topic_name_valid(lf + 1, name))
        return 0;
    bool hidden = lf[1] == '_' && *filter == '#'; /* private topics are for who names them */
    REQUIRE(topic_matches(filter, n, lf + 1, name) ==
            (glob_matches(glob, g, lf + 1, name) && !hidden));
    return 0;
}
