/* One connection of `doctor`: a request, and an answer that is looked at while it comes (RFC 9112,
 * sections 6 and 7). Any status is an answer here; what is no HTTP ends the link. */
#include "tools/doctor/doctor.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    READ_BYTES = 16384,
    LINKS_MAX = 8,
    CHUNK_LINE_MAX = 4096,
    STATUS_SWITCHING = 101,
};

double doctor_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void doctor_link_init(struct doctor_link *l)
{
    *l = (struct doctor_link){.fd = -1};
}

void doctor_link_finish(struct doctor_link *l)
{
    tls_stream_destroy(l->tls);
    l->tls = NULL;
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->state = LINK_CLOSED;
    buf_finish(&l->in);
    buf_finish(&l->head_text);
    buf_finish(&l->body);
}

/* It stays open for this side until it is finished. */
static void end(struct doctor_link *l, int error)
{
    l->state = LINK_ENDED;
    l->error = error;
    l->ended_at = doctor_now();
}

/* What poll() is given: rounded up, or it would be asked again and again; cut to a quarter of an
 * hour, after which it is asked again. */
static int milliseconds_to(double until)
{
    double ms = ceil((until - doctor_now()) * 1e3);
    return ms <= 0 ? 0 : ms > 9e5 ? 900000 : (int)ms;
}

/* --- Connecting and sending --- */

bool doctor_link_ready(const struct doctor_link *l, short events, double until)
{
    struct pollfd p = {.fd = l->fd, .events = events};
    int rc;
    do
        rc = poll(&p, 1, milliseconds_to(until));
    while (rc < 0 && errno == EINTR);
    return rc > 0;
}

/* 0, or the errno of why not. */
static int connect_to(struct doctor_link *l, const struct addrinfo *to, double until)
{
    int error = 0, one = 1;
    socklen_t n = sizeof(error);
    l->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return errno;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(l->fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    if (!doctor_link_ready(l, POLLOUT, until))
        return ETIMEDOUT;
    return getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &n) ? errno : error;
}

enum err doctor_link_open(struct doctor_link *l, const struct doctor_url *url, double until)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    l->error = 0;
    if (getaddrinfo(url->host, url->port, &hints, &found))
        return ERR_CLOSED;
    for (const struct addrinfo *to = found; to; to = to->ai_next) {
        l->error = connect_to(l, to, until);
        if (l->error == 0)
            break;
        if (l->fd >= 0)
            close(l->fd);
        l->fd = -1;
    }
    freeaddrinfo(found);
    if (l->error)
        return l->error == ETIMEDOUT ? ERR_AGAIN : ERR_CLOSED;
    l->state = LINK_OPEN;
    l->opened_at = doctor_now();
    return ERR_OK;
}

const char *doctor_link_why(const struct doctor_link *l)
{
    if (l->tls)
        return tls_stream_problem(l->tls);
    return l->error ? strerror(l->error) : "the name is not known";
}

/* As send() and recv(). */
static ssize_t put_bytes(struct doctor_link *l, const void *data, size_t n)
{
    return l->tls ? tls_stream_send(l->tls, data, n) : send(l->fd, data, n, MSG_NOSIGNAL);
}

static ssize_t get_bytes(struct doctor_link *l, void *data, size_t n)
{
    return l->tls ? tls_stream_recv(l->tls, data, n) : recv(l->fd, data, n, 0);
}

enum err doctor_link_send(struct doctor_link *l, const void *data, size_t n, double until)
{
    const char *p = data;
    l->sent_at = doctor_now();
    while (l->state == LINK_OPEN && n > 0) {
        ssize_t sent = put_bytes(l, p, n);
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EINTR) {
            if (!doctor_link_ready(l, POLLOUT, until))
                end(l, ETIMEDOUT);
        } else {
            end(l, errno);
        }
    }
    return l->state == LINK_OPEN ? ERR_OK : ERR_CLOSED;
}

/* --- The answer --- */

static void take_body(struct doctor_link *l, size_t n)
{
    buf_append(&l->body, l->in.data, n);
    buf_consume(&l->in, n);
}

/* Takes the head out of l->in, if it is there. */
static void take_head(struct doctor_link *l)
{
    struct http_value value;
    if (!http_read_head(l->in.data, l->in.len, &l->head))
        return;
    if (l->head.status == 0) {
        end(l, EBADMSG);
        return;
    }
    buf_append(&l->head_text, l->in.data, l->head.len);
    buf_consume(&l->in, l->head.len);
    l->head.cursor = NULL; /* it was borrowed from there */
    l->chunked = doctor_link_says(l, "Transfer-Encoding:", "chunked");
    l->sized = !l->chunked &&
               http_head_value(l->head_text.data, l->head_text.len, "Content-Length:", &value);
    l->left = l->sized ? l->head.content_len : 0;
    l->complete = (l->sized && l->left == 0) || l->head.status == 204;
}

/* Reads the line with a chunk's size; false when it is not there yet or the link has ended. */
static bool take_chunk_size(struct doctor_link *l)
{
    const char *eol = memmem(l->in.data, l->in.len, "\r\n", 2);
    if (!eol) {
        if (l->in.len > CHUNK_LINE_MAX)
            end(l, EBADMSG);
        return false;
    }
    if (!isxdigit((unsigned char)*l->in.data)) {
        end(l, EBADMSG);
        return false;
    }
    l->left = strtoull(l->in.data, NULL, 16);
    buf_consume(&l->in, (size_t)(eol - l->in.data) + 2);
    l->complete = l->left == 0;
    l->in_chunk = true;
    return !l->complete;
}

/* Takes what is there of a chunk; false when there is nothing more to be taken. */
static bool take_chunk(struct doctor_link *l)
{
    size_t n = l->in.len < l->left ? l->in.len : (size_t)l->left;
    take_body(l, n);
    l->left -= n;
    if (l->left > 0 || l->in.len < 2)
        return false;
    buf_consume(&l->in, 2); /* its CRLF */
    l->in_chunk = false;
    return true;
}

static void take_answer(struct doctor_link *l)
{
    if (l->head.status == 0)
        take_head(l);
    if (l->head.status == 0 || l->head.status == STATUS_SWITCHING || l->complete)
        return;
    if (l->chunked) {
        while (l->in.len > 0 && (l->in_chunk ? take_chunk(l) : take_chunk_size(l)))
            ;
        return;
    }
    size_t n = l->sized && l->in.len > l->left ? (size_t)l->left : l->in.len;
    take_body(l, n);
    l->left -= l->sized ? n : 0;
    l->complete = l->sized && l->left == 0;
}

/* What an end means for the answer. */
static void take_end(struct doctor_link *l)
{
    if (l->head.status != 0 && l->head.status != STATUS_SWITCHING && !l->chunked && !l->sized)
        l->complete = true;
    end(l, 0);
}

/* Whether there may be more: what TLS has already taken out of the socket is not seen by poll(). */
static bool read_link(struct doctor_link *l)
{
    char *to = buf_reserve(&l->in, READ_BYTES);
    ssize_t n = to ? get_bytes(l, to, READ_BYTES) : -1;
    if (!to || l->body.len > DOCTOR_BODY_MAX || l->in.len > DOCTOR_BODY_MAX) {
        end(l, ENOBUFS);
    } else if (n == 0) {
        take_end(l);
    } else if (n > 0) {
        l->in.len += (size_t)n;
        l->received_at = doctor_now();
        if (l->first_at == 0)
            l->first_at = l->received_at;
        take_answer(l);
    } else if (errno != EAGAIN && errno != EINTR) {
        end(l, errno);
    }
    return l->state == LINK_OPEN && n == READ_BYTES;
}

bool doctor_links_wait(struct doctor_link **links, size_t count, double until)
{
    struct pollfd polls[LINKS_MAX];
    struct doctor_link *open[LINKS_MAX];
    nfds_t n = 0;
    for (size_t i = 0; i < count && n < LINKS_MAX; i++) {
        if (links[i]->state != LINK_OPEN)
            continue;
        open[n] = links[i];
        polls[n++] = (struct pollfd){.fd = links[i]->fd, .events = POLLIN};
    }
    if (n == 0 || poll(polls, n, milliseconds_to(until)) <= 0)
        return n > 0 && doctor_now() < until;
    for (nfds_t i = 0; i < n; i++)
        if (polls[i].revents)
            while (read_link(open[i]))
                ;
    return true;
}

bool doctor_link_until(struct doctor_link *l,
                       bool (*is)(const struct doctor_link *l, const char *what), const char *what,
                       double until)
{
    while (!is(l, what))
        if (!doctor_links_wait(&l, 1, until))
            return is(l, what);
    return true;
}

bool doctor_has_head(const struct doctor_link *l, const char *unused)
{
    (void)unused;
    return l->head.status != 0;
}

bool doctor_is_complete(const struct doctor_link *l, const char *unused)
{
    (void)unused;
    return l->complete;
}

bool doctor_has_text(const struct doctor_link *l, const char *text)
{
    return l->body.len > 0 && memmem(l->body.data, l->body.len, text, strlen(text)) != NULL;
}

bool doctor_link_says(const struct doctor_link *l, const char *name, const char *text)
{
    struct http_value value;
    size_t n = strlen(text);
    if (!http_head_value(l->head_text.data, l->head_text.len, name, &value))
        return false;
    for (size_t i = 0; i + n <= value.n; i++)
        if (strncasecmp(value.text + i, text, n) == 0)
            return true;
    return false;
}
