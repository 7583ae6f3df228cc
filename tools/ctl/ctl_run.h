/*
 * One run of longwirectl: what it was asked for, its hub, and the questions that all commands ask.
 * One thread; everything lives in struct ctl until the program ends.
 */
#ifndef TOOLS_CTL_CTL_RUN_H
#define TOOLS_CTL_CTL_RUN_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "tools/ctl/ctl_args.h"
#include "tools/ctl/ctl_exit.h"
#include "tools/ctl/ctl_hub.h"

struct ctl {
    const struct ctl_command *command;
    struct ctl_args args;
    struct ctl_hub hub;
    bool json;
    bool colour; /* standard output is a terminal that may be coloured */
};

static inline bool ctl_given(const struct ctl *c, enum ctl_option_id id)
{
    return c->args.given & CTL_BIT(id);
}

/* Connects, or tells why not; CTL_OK or CTL_LOST. */
MUST_CHECK enum ctl_exit ctl_connect(struct ctl *c);
/* Sends one command and waits for its answer. An error answer or a lost connection is told on
 * standard error and returned as the exit code. On CTL_OK finish *RET. WORDS is ended by NULL. */
MUST_CHECK enum ctl_exit ctl_call(struct ctl *c, const char **words, struct ctl_reply *ret);
/* A list for ctl_call; a NULL among the words ends it. */
#define CTL_WORDS(...) ((const char *[]){__VA_ARGS__, NULL})
/* What is to come takes the hub long: only --timeout limits it. */
void ctl_allow_long(struct ctl *c);
/* Tells the connection's end; returns CTL_LOST. */
enum ctl_exit ctl_lost(struct ctl *c);
/* Tells an error answer; returns CTL_NOT_FOUND or CTL_FAILED. */
enum ctl_exit ctl_refused(const struct ctl *c, const struct ctl_reply *r);
/* Tells that an answer is not one this program knows; returns CTL_FAILED. */
enum ctl_exit ctl_strange(void);
/* With --json prints the answer R and sets *RET to NULL, else parses it; the caller decrefs. */
MUST_CHECK enum ctl_exit ctl_document(struct ctl *c, const struct ctl_reply *r, json_t **ret);
/* Sends HUB WHAT; with --json prints the document that it answers, else SHOW does. */
MUST_CHECK enum ctl_exit ctl_ask(struct ctl *c, const char *what,
                                 enum ctl_exit (*show)(struct ctl *c, const json_t *document));

#endif
