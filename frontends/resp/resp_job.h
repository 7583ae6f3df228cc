/* Administrative jobs that are asked for on a RESP connection: it waits for the job and answers. */
#ifndef FRONTENDS_RESP_RESP_JOB_H
#define FRONTENDS_RESP_RESP_JOB_H

#include "admin/admin.h"
#include "frontends/resp/resp.h"

/* How a kind of job is answered. */
struct resp_job {
    /* Writes the answer of one that succeeded. */
    void (*put)(const struct admin *a, enum resp_version v, struct buf *out);
    /* What an error means for this job; NULL, also as the result, for its usual text. */
    const char *(*explain)(enum err e);
};

/* A job of KIND to be started; R waits for it from now on. NULL: out of memory, which has been
 * answered. */
struct admin *resp_job_begin(struct resp *r, const struct resp_job *kind);

#endif
