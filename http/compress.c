#include "http/compress.h"

#include "delivery/worker.h"
#include "http/accept_encoding.h"
#include "http/exchange.h"
#include "http/forwarding.h"

static enum compress policy_of(const struct exchange *x)
{
    return worker_settings(x->conn)->compress;
}

/* Proxies pass most things on as they come, but those that look into what is compressed may wait
 * until there is enough of it. The client may know better. */
static bool is_passed_on(const struct exchange *x, enum compress_word said)
{
    return policy_of(x) == COMPRESS_YES || said == COMPRESS_SAID_YES ||
           !(conn_is_proxied(x->conn) || forwarding_is_said(x->fields));
}

bool compress_wanted(const struct exchange *x, enum compress_word said)
{
    return policy_of(x) != COMPRESS_NO && said != COMPRESS_SAID_NO && is_passed_on(x, said) &&
           accept_encoding_of(x->fields, CODING_GZIP) == CODING_GZIP;
}

bool compress_varies(const struct exchange *x)
{
    return policy_of(x) != COMPRESS_NO;
}

void compress_tell(struct exchange *x, bool gzip)
{
    if (compress_varies(x))
        exchange_add_field(x, "Vary", "Accept-Encoding");
    if (gzip)
        exchange_add_field(x, "Content-Encoding", "gzip");
}
