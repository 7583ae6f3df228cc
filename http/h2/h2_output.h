/* Frames that an HTTP/2 connection sends. Not from inside of nghttp2, which calls back. */
#ifndef HTTP_H2_H2_OUTPUT_H
#define HTTP_H2_H2_OUTPUT_H

#include "http/h2/h2.h"

/* The callbacks of nghttp2 that this needs. */
void h2_output_set(nghttp2_session_callbacks *callbacks);
/* Frames all that is to be sent, behind what has gathered; it leaves at the end of the turn. */
void h2_output(struct h2 *h);
/* The turn ends: writes it, and leaves to the connection what the link did not take. */
void h2_let_go(struct h2 *h);
/* The head of an answer; END: that is all of it. */
void h2_send_head(struct h2_stream *s, const nghttp2_nv *nv, size_t count, bool end);
/* How many bytes S may send now. */
size_t h2_stream_room(const struct h2_stream *s);
/* It has more to send than that, and TOOK some of it: it is told when there is more room. */
void h2_stream_is_full(struct h2_stream *s, bool took);
/* Whether any stream has room, its own window apart. */
bool h2_has_room(const struct h2 *h);
/* N bytes, of which S has room for all; END: behind them our side ends. */
void h2_send_data(struct h2_stream *s, const void *data, size_t n, bool end);
/* Ends S, which nghttp2 still has. */
void h2_reset(struct h2_stream *s, uint32_t code);
/* Its connection has taken N bytes of what S got. */
void h2_taken(struct h2_stream *s, size_t n);
/* Ends H for CODE: nothing more is read, and its streams are cut. */
void h2_end(struct h2 *h, uint32_t code);

#endif
