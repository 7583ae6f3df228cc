/* Header lines by which answers tell browsers what they may do with them. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

/* What every answer tells browsers: to take it for what its Content-Type says, and into no frame.
 */
#define HTTP_NO_GUESS "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
/* And of what is data, payloads of strangers among it: not to be a document that loads or runs
 * anything, nor part of another site's page but by CORS (OWASP REST Security Cheat Sheet). */
#define HTTP_DATA_ONLY                                                                             \
    HTTP_NO_GUESS                                                                                  \
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"                      \
    "Cross-Origin-Resource-Policy: same-origin\r\n"
/* And never to be kept. */
#define HTTP_DATA_GUARD HTTP_DATA_ONLY "Cache-Control: no-store\r\n"

#endif
