/*
 * The body of POST /session/{id}. Whatever is read as a request has valid topics and no more
 * entries than allowed, and lies within the text; a fault that names an entry names one that is
 * there.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json_slice.h"
#include "broker/topic_name.h"
#include "frontends/sse/session_request.h"
#include "tests/fuzz/fuzz.h"

enum { ENTRIES_MAX = 16 };

static void check_list(const struct places *list, const char *text, size_t n)
{
    REQUIRE(list->count <= ENTRIES_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const struct place *place = &list->entries[i];
        REQUIRE(place->filter >= text && place->filter + place->len <= text + n);
        REQUIRE(topic_pattern_valid(place->filter, place->len) &&
                topic_pattern_bounded(place->filter, place->len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct session_request r;
    char *text = malloc(size ? size : 1);
    REQUIRE(text);
    if (size)
        memcpy(text, data, size);
    bool valid = json_valid(text, size);
    const struct fault *fault = session_request_parse(text, size, ENTRIES_MAX, &r);
    REQUIRE(fault || valid);
    REQUIRE(!r.wrong_list || (fault && r.wrong_index < ENTRIES_MAX));
    check_list(&r.subscribe, text, size);
    check_list(&r.unsubscribe, text, size);
    session_request_finish(&r);
    free(text);
    return 0;
}
