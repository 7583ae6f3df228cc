/*
 * The budget of work: how much a worker does for its peers in one turn of its loop, in all and for
 * each connection.
 *
 * A bound for each connection is no bound for all of them; so both are counted. Work is what the
 * input makes necessary (bytes, records, requests), in units of about a nanosecond, and never what
 * a clock says: the same input is the same work on every machine. A piece of work that has begun is
 * not cut; what it takes beyond the budget is what the rest of the turn lacks.
 *
 * A turn has parts, one behind the other, so that whoever is many leaves the others something: the
 * connections of the local socket, those of TCP, deadlines, and the connections that wait for
 * another slice since they have had one (backlog.h). Each part serves one of its own at least.
 *
 * Pure. One worker owns a budget.
 */
#ifndef NET_BUDGET_H
#define NET_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum {
    /* What a turn has, by its parts. */
    BUDGET_LOCAL = 300000,
    BUDGET_TCP = 800000,
    BUDGET_DEADLINES = 100000,
    BUDGET_BACKLOG = 300000,
    BUDGET_TURN = BUDGET_LOCAL + BUDGET_TCP + BUDGET_DEADLINES + BUDGET_BACKLOG,
    /* What one connection gets before others have theirs. */
    BUDGET_SLICE = 150000,
    /* What it gets before that, among those who ask for little: who needs more waits for a slice,
     * behind them. */
    BUDGET_LIGHT = 30000,
    /* Bytes of long-polls' answers that messages of this turn may make at once. */
    BUDGET_ANSWERS = 4 << 20,
    /* How long work has to be left over, turn by turn, or has to be none, until it is told. */
    BUDGET_TELL_MS = 1000,
};

/* What things cost; bytes of input and output cost one each. */
enum {
    WORK_SLICE = 1000,     /* looking at a connection at all */
    WORK_REQUEST = 3000,   /* of HTTP */
    WORK_PUBLISH = 1000,   /* one that publishes: its answer shares the way of others */
    WORK_COMMAND = 1000,   /* of RESP */
    WORK_FRAME = 300,      /* of a WebSocket */
    WORK_CONTROL = 1500,   /* a control object, besides its bytes */
    WORK_SUBSCRIBE = 5000, /* a topic that joins */
    WORK_TOPIC = 600,      /* a topic of a request */
    WORK_PIECE = 100,      /* of a body: a chunk, say */
    WORK_INFLATED_BYTE = 3,
    WORK_JSON_BYTE = 3, /* read or validated */
    WORK_RECORD = 50,   /* a record, index entry or message that is looked at */
};

enum budget_change {
    BUDGET_SAME,
    BUDGET_SHORT,  /* for BUDGET_TELL_MS every turn has left work over */
    BUDGET_ENOUGH, /* and for as long none has */
};

struct budget {
    int64_t left;       /* of this turn's parts so far; negative: a piece of work took more */
    int64_t answers;    /* bytes, of BUDGET_ANSWERS */
    int64_t slice;      /* left of the one of the connection that is served now */
    int64_t slice_from; /* what it was */
    uint64_t done;      /* work, since the worker began */
    uint64_t turn_from; /* `done` when this turn began */
    uint64_t most;      /* work of one turn at most, so far */
    const uint64_t
        *looked;   /* records that were looked at so far, whoever counts them; NULL: nobody */
    uint64_t paid; /* of them, those that were charged, or are not to be */
    bool short_told;
    uint64_t changed_ms; /* since when turns are not as was told */
};

/* A new turn; what the last one left or lacks is forgotten. */
void budget_begin_turn(struct budget *b);
/* A message that came answers a poll with so many BYTES. False: not in this turn. */
static inline bool budget_take_answer(struct budget *b, uint64_t bytes)
{
    if (b->answers <= 0)
        return false;
    b->answers -= (int64_t)bytes;
    return true;
}
/* A part of the turn begins, and has WORK more. */
static inline void budget_begin_part(struct budget *b, int64_t work)
{
    b->left += work;
}
/* A connection is served: its slice of WORK, BUDGET_SLICE or BUDGET_LIGHT, begins. What was looked
 * at before is nobody's. */
void budget_begin_slice(struct budget *b, int64_t work);
static inline void budget_charge(struct budget *b, uint64_t work)
{
    b->left -= (int64_t)work;
    b->slice -= (int64_t)work;
    b->done += work;
}
/* Charges what was looked at since. */
static inline void budget_settle(struct budget *b)
{
    if (!b->looked)
        return;
    budget_charge(b, (*b->looked - b->paid) * WORK_RECORD);
    b->paid = *b->looked;
}
/* The slice of a connection inside of which others are served, each with one of its own: what they
 * take is taken from it, too. */
struct budget_outer {
    int64_t slice, slice_from;
    uint64_t done;
};
static inline struct budget_outer budget_leave_slice(struct budget *b)
{
    budget_settle(b);
    return (struct budget_outer){b->slice, b->slice_from, b->done};
}
static inline void budget_return_to_slice(struct budget *b, const struct budget_outer *outer)
{
    budget_settle(b);
    b->slice_from = outer->slice_from;
    b->slice = outer->slice - (int64_t)(b->done - outer->done);
}
/* Whether the part may serve another connection. */
static inline bool budget_has_left(const struct budget *b)
{
    return b->left > 0;
}
/* Whether the connection may go on: its slice is not used up. */
static inline bool budget_slice_left(struct budget *b)
{
    budget_settle(b);
    return b->slice > 0;
}
/* A turn that does nothing else may have to tell something in BUDGET_TELL_MS. */
static inline bool budget_tells_later(const struct budget *b)
{
    return b->short_told;
}
/* Whether the slice was for little: its connection is not one of those who ask for much. */
static inline bool budget_slice_is_light(const struct budget *b)
{
    return b->slice_from - b->slice < BUDGET_LIGHT;
}
/* The turn ends. WAITS: work is left over that only waits for its turn. */
enum budget_change budget_end_turn(struct budget *b, uint64_t now_ms, bool waits);

#endif
