#include "http/shared_answer.h"

#include <string.h>

#include "base/buf.h"
#include "http/guard.h"
#include "http/h1/http_response.h"
#include "http/http_date.h"

enum { HEAD_SIZE = 512 }; /* bytes that are made at once, since mostly no more is needed */

static const char end_of_head[] = "\r\n\r\n";

struct blob *shared_answer_create(const char *lines, const char *type, const char *body, size_t n)
{
    struct buf head = {0};
    buf_reserve(&head, HEAD_SIZE);
    http_response_start(&head, 200, http_now());
    buf_puts(&head, lines);
    buf_puts(&head, HTTP_DATA_GUARD);
    http_response_content(&head, type, n);
    http_response_end(&head);
    struct blob *b = head.failed ? NULL : blob_join(head.data, head.len, body, n);
    buf_finish(&head);
    return b;
}

const char *shared_answer_body(const struct blob *b, size_t *ret_len)
{
    const char *end = memmem(b->data, b->len, end_of_head, sizeof(end_of_head) - 1);
    const char *body = end + sizeof(end_of_head) - 1; /* each one has an end of its head */
    *ret_len = b->len - (size_t)(body - b->data);
    return body;
}
