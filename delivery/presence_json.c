#include "delivery/presence_json.h"

#include "base/rfc3339.h"
#include "delivery/envelope.h"

static void begin(const struct presence_member *m, struct buf *out)
{
    char since[RFC3339_TEXT_SIZE];
    rfc3339_format(since, m->since_ms);
    if (m->sub) {
        buf_puts(out, "{\"sub\":");
        envelope_json_string(out, m->sub, m->sub_len);
    } else {
        buf_printf(out, "{\"connection\":\"%016llx\"", (unsigned long long)m->connection);
    }
    buf_printf(out, ",\"since\":\"%s\"", since);
}

static void end(const struct presence_member *m, struct buf *out)
{
    if (m->info) {
        buf_puts(out, ",\"info\":");
        envelope_json_line(out, m->info, m->info_len);
    }
    buf_putc(out, '}');
}

void presence_json_member(const struct presence_member *m, struct buf *out)
{
    begin(m, out);
    if (m->sub)
        buf_printf(out, ",\"connections\":%u", m->seats);
    end(m, out);
}

void presence_json_event(const struct presence_member *m, struct buf *out)
{
    begin(m, out);
    buf_printf(out, ",\"number\":%u", m->number);
    end(m, out);
}
