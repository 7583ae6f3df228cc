/* Aligned tables, and the fields of the documents that fill them. */
#include "tools/ctl/ctl_table.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tools/ctl/ctl_out.h"
#include "tools/ctl/ctl_text.h"

enum { GAP = 2 }; /* columns between two cells */

void ctl_table_init(struct ctl_table *t, const struct ctl_column *columns, size_t count)
{
    assert(count <= CTL_COLUMNS_MAX);
    memset(t, 0, sizeof(*t));
    t->columns = columns;
    t->column_count = count;
    for (size_t i = 0; i < count; i++)
        t->widths[i] = strlen(columns[i].title);
}

void ctl_table_finish(struct ctl_table *t)
{
    buf_finish(&t->cells);
}

/* Ends the cell that began at START in t->cells. */
static void end_cell(struct ctl_table *t, size_t start)
{
    if (t->cells.failed)
        return;
    size_t width = ctl_text_width(t->cells.data + start, t->cells.len - start);
    size_t *widest = &t->widths[t->cell_count++ % t->column_count];
    if (width > *widest)
        *widest = width;
    buf_putc(&t->cells, '\0');
}

void ctl_table_text(struct ctl_table *t, const char *text)
{
    size_t start = t->cells.len;
    text = text ? text : "-";
    ctl_text_put(&t->cells, text, strlen(text));
    end_cell(t, start);
}

void ctl_table_number(struct ctl_table *t, uint64_t n)
{
    size_t start = t->cells.len;
    buf_put_u64(&t->cells, n);
    end_cell(t, start);
}

void ctl_table_size(struct ctl_table *t, uint64_t bytes)
{
    size_t start = t->cells.len;
    ctl_text_put_size(&t->cells, bytes);
    end_cell(t, start);
}

void ctl_table_age(struct ctl_table *t, uint64_t seconds)
{
    size_t start = t->cells.len;
    ctl_text_put_age(&t->cells, seconds);
    end_cell(t, start);
}

void ctl_table_rate(struct ctl_table *t, double per_second)
{
    size_t start = t->cells.len;
    buf_printf(&t->cells, "%.1f", per_second);
    end_cell(t, start);
}

/* One row being written. */
struct line {
    struct buf *out;
    size_t left; /* columns of the terminal still free */
    bool colour;
};

static void put_spaces(struct line *l, size_t n)
{
    for (; n > 0 && l->left > 0; n--, l->left--)
        buf_putc(l->out, ' ');
}

static void put_cell(struct line *l, const char *text, enum ctl_style style)
{
    size_t n = strlen(text), width = ctl_text_width(text, n);
    if (width > l->left) {
        width = l->left;
        n = ctl_text_clip(text, n, width);
    }
    if (style != CTL_STYLE_PLAIN)
        ctl_out_style(l->out, l->colour, style);
    buf_append(l->out, text, n);
    if (style != CTL_STYLE_PLAIN)
        ctl_out_style(l->out, l->colour, CTL_STYLE_PLAIN);
    l->left -= width;
}

/* The title, or with CELLS the row that begins there; returns what follows the row. */
static const char *put_row(const struct ctl_table *t, struct line *l, const char *cells)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct ctl_column *column = &t->columns[i];
        const char *text = cells ? cells : column->title;
        size_t pad = t->widths[i] - ctl_text_width(text, strlen(text));
        if (i > 0)
            put_spaces(l, GAP);
        if (column->right)
            put_spaces(l, pad);
        put_cell(l, text, cells ? column->style : CTL_STYLE_HEAD);
        if (!column->right && i + 1 < t->column_count)
            put_spaces(l, pad);
        if (cells)
            cells += strlen(cells) + 1;
    }
    return cells;
}

void ctl_table_put(const struct ctl_table *t, struct buf *out, bool colour, size_t width,
                   size_t rows, const char *eol)
{
    if (t->cells.failed) {
        out->failed = true;
        return;
    }
    size_t count = t->cell_count / t->column_count;
    if (rows > 0 && rows < count)
        count = rows;
    const char *cells = NULL;
    for (size_t i = 0; i <= count; i++) {
        struct line l = {out, width ? width : SIZE_MAX, colour};
        cells = put_row(t, &l, cells);
        if (i == 0)
            cells = t->cells.data;
        buf_puts(out, eol);
    }
}

uint64_t ctl_json_u64(const json_t *object, const char *name)
{
    json_int_t n = json_integer_value(json_object_get(object, name));
    return n > 0 ? (uint64_t)n : 0;
}

double ctl_json_real(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

const char *ctl_json_text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}
