/*
 * What a worker knows of tokens: those that were verified or refused of late (token_cache.h), and
 * those that are being verified on the threads for costly arithmetic, where many who come with the
 * same one wait for the same job. About whom no key can say anything, whoever has no token among
 * them, somebody else decides, if there is somebody (auth_request.h).
 *
 * On the worker's thread.
 */
#ifndef HTTP_TOKENS_H
#define HTTP_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/principal.h"
#include "access/token_fault.h"
#include "base/err.h"
#include "delivery/frontend.h"
#include "http/auth_request.h"

struct token_job;
struct tokens_check;
struct worker;

/* What is found out about a client. */
struct token_verdict {
    enum err result;             /* ERR_OK, ERR_ACCESS, ERR_NOMEM; ERR_LIMIT: too many are being
                                    verified; ERR_CLOSED: the hub stops; ERR_TIMEOUT: whoever
                                    decides cannot be asked now */
    struct principal *principal; /* ERR_OK; borrowed until the caller returns */
    struct token_why why;        /* ERR_ACCESS */
    bool decided;                /* not by a key: */
    struct auth_decision decision;
};

/* Embedded in who waits for one; all zero: it does not wait. */
struct tokens_check {
    struct tokens_check *next, *prev; /* of the job (utlist) */
    struct token_job *job;
    struct auth_question question;
    void (*done)(struct tokens_check *k, const struct token_verdict *v);
};

/* Verifies the token of S, or has it decided about; without a token there must be somebody who does
 * (auth_request_is_on). True: *RET says what came of it. False: K waits, and its done() is called
 * in a later turn unless tokens_forget is before. */
bool tokens_ask(const struct auth_subject *s, struct tokens_check *k, struct token_verdict *ret);
/* K does not wait any more; fine when it does not. */
void tokens_forget(struct tokens_check *k);

/* Until when a token that exists at NOW_S can count (access.max_lifetime), Unix; 0 = for ever. */
int64_t tokens_last_s(const struct worker *w, int64_t now_s);

/* What every worker does for them. */
extern const struct frontend tokens_frontend;

#endif
