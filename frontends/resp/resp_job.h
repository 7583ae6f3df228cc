/* Administrative jobs that are asked for on a RESP connection: it waits for the job and answers. */
#ifndef FRONTENDS_RESP_RESP_JOB_H
#define FRONTENDS_RESP_RESP_JOB_H

#include "frontends/admin.h"
#include "frontends/resp/resp.h"

/* Writes the answer of a job that succeeded. */
typedef void resp_job_put(const struct admin *a, struct buf *out);

/* A job to be started, for which R waits from now on; it is answered by PUT, or with its error.
 * NULL: out of memory, which has been answered. */
struct admin *resp_job_begin(struct resp *r, resp_job_put *put);

#endif
