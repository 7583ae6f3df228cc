/*
 * Sessions: event streams whose topics are changed while they run, by POST /session/{id}.
 *
 * The request may come to another worker than the stream's. It travels there as an errand, is done
 * there between two writes of the stream, and is answered from where it came.
 */
#ifndef FRONTENDS_SSE_SESSION_H
#define FRONTENDS_SSE_SESSION_H

struct exchange;

/* POST /session/{id} */
void session_http_head(struct exchange *x);
void session_http_run(struct exchange *x);

#endif
