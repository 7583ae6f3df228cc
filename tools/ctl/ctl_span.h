/* JSON kept as it was written. */
#ifndef TOOLS_CTL_CTL_SPAN_H
#define TOOLS_CTL_CTL_SPAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* A JSON value inside a larger text. Messages are handled so, since a parser would change or refuse
 * what publishers wrote: 1.10, 18446744073709551616, 1e400. */
struct ctl_span {
    const char *text;
    size_t n;
};

/* The value of a member; false when OBJECT is no object, is cut off, or has none. */
MUST_CHECK bool ctl_span_member(struct ctl_span object, const char *name, struct ctl_span *ret);
/* Steps through an array: *REST begins as the array and is advanced. False at its end. */
MUST_CHECK bool ctl_span_item(struct ctl_span *rest, struct ctl_span *ret);
bool ctl_span_is(struct ctl_span value, const char *literal);
/* Appends the characters of a JSON string; false when VALUE is none. */
MUST_CHECK bool ctl_span_string(struct ctl_span value, struct buf *out);

/* Steps through the members of an object: *REST begins as the object and is advanced. False when
 * there are no more: then rest->text is NULL if the object ended as it should, with nothing behind
 * it. */
MUST_CHECK bool ctl_span_next(struct ctl_span *rest, struct ctl_span *ret_name,
                              struct ctl_span *ret_value);

#endif
