/* GET /presence/{topic}: who is here (delivery/presence_page.h). */
#ifndef HTTP_PRESENCE_H
#define HTTP_PRESENCE_H

struct exchange;

void presence_http_run(struct exchange *x);
/* Members are who their tokens say that they are (bearer.h); before there are workers. */
void presence_http_introduce(void);

#endif
