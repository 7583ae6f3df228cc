/* What a worker keeps for presence; attendance.h has what is done with it. */
#ifndef DELIVERY_ATTENDANCE_STATE_H
#define DELIVERY_ATTENDANCE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "broker/hub.h"

struct message;
struct settings;

enum { ATTENDANCE_TELL_MAX = 64 }; /* comings and goings in one publish */

/* A worker's; embedded there. */
struct attendance {
    struct settings *settings; /* a reference: those whose rules count */
    uint32_t serial;           /* of the rules, for its filters; 0 = no topic has presence */
    struct hub_call wake;      /* on its way to the clerk, once */
    /* The clerk's: */
    uint64_t due_ms;   /* when it is to look again; UINT64_MAX = when it is woken */
    uint64_t retry_ms; /* not before that, since the hub took none */
    uint32_t batch;    /* how many it tells at once; 1 when the hub refused to take several */
    uint32_t count;    /* being told: */
    struct message *told[ATTENDANCE_TELL_MAX]; /* references */
    bool leaving[ATTENDANCE_TELL_MAX];
    uint32_t numbers[ATTENDANCE_TELL_MAX]; /* how many are here, then */
};

#endif
