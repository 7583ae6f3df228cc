/*
 * The input is what a client sends behind the preface and its SETTINGS, in pieces whose length the
 * first byte says; the hub behind the session is a whole worker, which takes publishes and keeps
 * event streams and polls. However it goes on, nothing is left of the connection when it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "http/h1/h1_silent.h"
#include "http/h2/h2_cut.h"
#include "http/h2/h2_protocol.h"
#include "net/loop.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/desk.h"

static const char beginning[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                "\0\0\0\4\0\0\0\0\0";

static struct desk desk;

/* One for all inputs. */
static void open_once(void)
{
    static const struct frontend *const more[] = {&h2_frontend, NULL};
    static bool is_open;
    if (is_open)
        return;
    is_open = true;
    desk_open(&desk);
    REQUIRE(frontend_register(more) == ERR_OK);
    h1_set_next(h2_adopt);
}

static void say(struct client *c, const uint8_t *data, size_t size)
{
    size_t step = size ? (size_t)data[0] + 1 : 1;
    client_say_bytes(c, beginning, sizeof(beginning) - 1);
    for (size_t at = 1; at < size; at += step)
        client_say_bytes(c, data + at, size - at < step ? size - at : step);
}

static void commit(void)
{
    if (desk.worker->publishes)
        desk_commit(&desk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client c;
    open_once();
    client_open(&c, &desk, false);
    say(&c, data, size);
    commit();
    client_hear_all(&c);
    desk_publish(&desk, "a", 1, 100);
    desk_wait(&desk, 100);
    client_hear_all(&c);
    client_close(&c);
    commit();
    desk_end_turn(&desk);
    REQUIRE(desk.worker->loop.conns == 0);
    REQUIRE(desk.process.conns == 0);
    REQUIRE(peer_memory_held(&desk.process.memory) == 0);
    return 0;
}
