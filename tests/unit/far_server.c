#include "tests/unit/far_server.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/turn.h"

enum { NOBODY = -1, FEW_TURNS = 20 };

void far_turn(struct loop *l)
{
    loop_update_clock(l);
    budget_begin_turn(&l->work);
    l->readiness[0].ready = l->readiness[1].ready = true;
    turn_collect(l);
    turn_serve(l);
    turn_deadlines(l);
    turn_end(l);
    turn_flush(l);
}

int far_listen(struct remote *r)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct remote_address *a = &r->address[r->count++];
    a->len = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a->at, &a->len), 0);
    return fd;
}

static int try_accept(struct loop *l, int listener, int turns)
{
    for (int i = 0; i < turns; i++) {
        int conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (conn >= 0)
            return conn;
        far_turn(l);
    }
    return NOBODY;
}

int far_comes(struct loop *l, int listener)
{
    int conn = try_accept(l, listener, FAR_TURNS);
    ck_assert_msg(conn != NOBODY, "nobody comes");
    return conn;
}

bool far_has_come(struct loop *l, int listener)
{
    int conn = try_accept(l, listener, FEW_TURNS);
    if (conn != NOBODY)
        close(conn);
    return conn != NOBODY;
}

void far_gets(struct loop *l, int conn, const char *text)
{
    char got[256] = "";
    size_t have = 0;
    for (int i = 0; i < FAR_TURNS && have < strlen(text); i++) {
        ssize_t n = recv(conn, got + have, strlen(text) - have, 0);
        if (n > 0)
            have += (size_t)n;
        else
            far_turn(l);
    }
    ck_assert_str_eq(got, text);
}

const char *far_gets_head(struct loop *l, int conn)
{
    static char got[4096];
    size_t have = 0;
    memset(got, 0, sizeof(got));
    for (int i = 0; i < FAR_TURNS && !strstr(got, "\r\n\r\n"); i++) {
        ssize_t n = recv(conn, got + have, sizeof(got) - 1 - have, 0);
        if (n > 0)
            have += (size_t)n;
        else
            far_turn(l);
    }
    ck_assert_ptr_nonnull(strstr(got, "\r\n\r\n"));
    return got;
}

void far_says(int conn, const char *text)
{
    ck_assert_int_eq(send(conn, text, strlen(text), 0), (ssize_t)strlen(text));
}

void far_is_ended(struct loop *l, int conn)
{
    char more[256];
    for (int i = 0; i < FAR_TURNS; i++) {
        if (recv(conn, more, sizeof(more), 0) == 0) {
            close(conn);
            return;
        }
        far_turn(l);
    }
    ck_abort_msg("it is still open");
}
