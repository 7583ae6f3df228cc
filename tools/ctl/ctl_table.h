/* Tables for people, and the fields of the documents that they are made of. */
#ifndef TOOLS_CTL_CTL_TABLE_H
#define TOOLS_CTL_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"
#include "tools/ctl/ctl_out.h"

struct ctl_column {
    const char *title;
    bool right; /* numbers */
    enum ctl_style style;
};

/* Cells are added row by row, printed with each column as wide as its widest cell. */
struct ctl_table {
    const struct ctl_column *columns; /* borrowed */
    size_t column_count;              /* <= CTL_COLUMNS_MAX */
    struct buf cells;                 /* NUL-terminated strings */
    size_t cell_count;
    size_t widths[16];
};

enum { CTL_COLUMNS_MAX = 16 };

void ctl_table_init(struct ctl_table *t, const struct ctl_column *columns, size_t count);
void ctl_table_finish(struct ctl_table *t);
/* One cell each. Text may be NULL ("-") and is escaped. */
void ctl_table_text(struct ctl_table *t, const char *text);
void ctl_table_number(struct ctl_table *t, uint64_t n);
void ctl_table_size(struct ctl_table *t, uint64_t bytes);
void ctl_table_age(struct ctl_table *t, uint64_t seconds);
void ctl_table_rate(struct ctl_table *t, double per_second);
/* Appends title and rows. WIDTH: cut lines at so many columns (0 = never); ROWS: at most so many
 * rows (0 = all); EOL ends each line. */
void ctl_table_put(const struct ctl_table *t, struct buf *out, bool colour, size_t width,
                   size_t rows, const char *eol);

/* Fields of a hub's document; 0, "" or NULL when absent or of another type. */
uint64_t ctl_json_u64(const json_t *object, const char *name);
double ctl_json_real(const json_t *object, const char *name);
const char *ctl_json_text(const json_t *object, const char *name);

#endif
