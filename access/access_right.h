/* What there is a right to: bits. */
#ifndef ACCESS_ACCESS_RIGHT_H
#define ACCESS_ACCESS_RIGHT_H

enum access_right {
    ACCESS_SUBSCRIBE = 1, /* to read: whatever is or was published, on any transport */
    ACCESS_PUBLISH = 2,
    ACCESS_STATUS = 4,   /* to see readiness, figures and the page, whatever the listener is for;
                            hangs on no topic */
    ACCESS_PRESENCE = 8, /* to see who subscribes */
};

/* Those that hang on a topic. */
enum { ACCESS_TOPICAL = ACCESS_SUBSCRIBE | ACCESS_PUBLISH | ACCESS_PRESENCE };

#endif
