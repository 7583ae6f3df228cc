#include "admin/admin_document.h"

#include "broker/cursor.h"

void admin_put_cursor(const struct worker *w, uint64_t offset, struct buf *out)
{
    char text[CURSOR_TEXT_SIZE];
    size_t n = cursor_format(text, offset, hub_log(w->hub)->epoch);
    buf_putc(out, '"');
    buf_append(out, text, n);
    buf_putc(out, '"');
}

void admin_put_number(struct buf *out, const char *name, uint64_t n)
{
    buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

void admin_put_comma(struct buf *out)
{
    if (out->len && out->data[out->len - 1] != '[')
        buf_putc(out, ',');
}

void admin_put_members(struct buf *out, const char *const *names, const uint64_t *values,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_printf(out, "%s\"%s\":%llu", i ? "," : "", names[i], (unsigned long long)values[i]);
}
