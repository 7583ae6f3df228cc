#include "frontends/resp/resp_encoding.h"

#include <stddef.h>

#include "frontends/resp/resp_reply.h"

static void put_push(const struct message *m, enum resp_version v, struct buf *out)
{
    resp_reply_push(out, v, 3);
    resp_reply_bulk(out, "message", 7);
    resp_reply_bulk(out, m->topic->name, m->topic->name_len);
    resp_reply_bulk(out, m->payload, m->payload_len);
}

static void message(const struct message *m, struct buf *out)
{
    put_push(m, RESP2, out);
}

static void message3(const struct message *m, struct buf *out)
{
    put_push(m, RESP3, out);
}

struct encoding resp_encoding_message = {.name = "resp-message", .encode = message};
struct encoding resp_encoding_message3 = {.name = "resp3-message", .encode = message3};

struct encoding *const resp_encodings[] = {&resp_encoding_message, &resp_encoding_message3, NULL};
