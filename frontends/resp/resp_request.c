#include "frontends/resp/resp_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "broker/cursor.h"
#include "broker/hub.h"
#include "broker/replay.h"

bool resp_arg_is(const struct resp_arg *a, const char *text)
{
    return a->len == strlen(text) && strncasecmp(a->data, text, a->len) == 0;
}

enum err resp_arg_u64(const struct resp_arg *a, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;
    if (a->len == 0)
        return ERR_INVALID;
    for (size_t i = 0; i < a->len; i++) {
        unsigned digit = (unsigned)(unsigned char)a->data[i] - '0';
        if (digit > 9 || n > (max - digit) / 10 || digit > max)
            return ERR_INVALID;
        n = n * 10 + digit;
    }
    *ret = n;
    return ERR_OK;
}

const char *resp_arg_offset(const struct hub *h, const struct resp_arg *a, uint64_t *ret)
{
    struct cursor c;
    if (cursor_parse(a->data, a->len, &c) != ERR_OK)
        return "BADCURSOR not a cursor (OFFSET-EPOCH)";
    if (!replay_is_certain(hub_log(h), &c))
        return "BADCURSOR a cursor of another log";
    *ret = c.offset;
    return NULL;
}

size_t resp_request_bytes(const struct resp_request *q)
{
    size_t bytes = 0;
    for (size_t i = 0; i < q->argc; i++)
        bytes += q->argv[i].len;
    return bytes;
}

struct resp_held *resp_request_copy(const struct resp_request *q)
{
    struct resp_held *held =
        malloc(sizeof(*held) + q->argc * sizeof(held->argv[0]) + resp_request_bytes(q));
    if (!held)
        return NULL;
    char *to = (char *)(held->argv + q->argc);
    for (size_t i = 0; i < q->argc; i++) {
        held->argv[i] = (struct resp_arg){.data = to, .len = q->argv[i].len};
        memcpy(to, q->argv[i].data, q->argv[i].len);
        to += q->argv[i].len;
    }
    held->request = (struct resp_request){q->argc, held->argv};
    return held;
}
