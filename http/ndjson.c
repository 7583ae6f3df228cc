#include "http/ndjson.h"

#include <string.h>

#include "delivery/publish_json.h"

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    }
    return true;
}

bool ndjson_next_line(char **text, size_t *n, char **ret_line, size_t *ret_len, size_t *number)
{
    while (*n) {
        char *line = *text, *end = memchr(line, '\n', *n);
        size_t len = end ? (size_t)(end - line) : *n;
        size_t used = len + (end != NULL);
        *text += used;
        *n -= used;
        ++*number;
        if (is_blank(line, len))
            continue;
        *ret_line = line;
        *ret_len = len; /* a CR at the end is white space to JSON */
        return true;
    }
    return false;
}

const struct fault *ndjson_line_parse(char *line, size_t n, struct buf *scratch,
                                      struct message_init *ret)
{
    struct json_member m[] = {PUBLISH_MEMBER_NAMES};
    const struct fault *fault = publish_json_fault(json_slice_members(line, n, m, PUBLISH_MEMBERS));
    return fault ? fault : publish_json_read(m, scratch, ret);
}
