/*
 * The alerts of TLS (RFC 8446 section 6, RFC 5246 section 7.2): how each side says why it ends a
 * connection.
 */
#ifndef NET_TLS_TLS_ALERT_H
#define NET_TLS_TLS_ALERT_H

#include <stdbool.h>

/* name, as in the standards; number on the wire */
#define TLS_ALERT_TABLE(X)                                                                         \
    X(close_notify, 0)                                                                             \
    X(unexpected_message, 10)                                                                      \
    X(bad_record_mac, 20)                                                                          \
    X(record_overflow, 22)                                                                         \
    X(handshake_failure, 40)                                                                       \
    X(bad_certificate, 42)                                                                         \
    X(unsupported_certificate, 43)                                                                 \
    X(certificate_revoked, 44)                                                                     \
    X(certificate_expired, 45)                                                                     \
    X(certificate_unknown, 46)                                                                     \
    X(illegal_parameter, 47)                                                                       \
    X(unknown_ca, 48)                                                                              \
    X(access_denied, 49)                                                                           \
    X(decode_error, 50)                                                                            \
    X(decrypt_error, 51)                                                                           \
    X(protocol_version, 70)                                                                        \
    X(insufficient_security, 71)                                                                   \
    X(internal_error, 80)                                                                          \
    X(inappropriate_fallback, 86)                                                                  \
    X(user_canceled, 90)                                                                           \
    X(no_renegotiation, 100)                                                                       \
    X(missing_extension, 109)                                                                      \
    X(unsupported_extension, 110)                                                                  \
    X(unrecognized_name, 112)                                                                      \
    X(bad_certificate_status_response, 113)                                                        \
    X(unknown_psk_identity, 115)                                                                   \
    X(certificate_required, 116)                                                                   \
    X(no_application_protocol, 120)

enum tls_alert {
#define TLS_ALERT_ENUM(name, number) TLS_ALERT_##name = (number),
    TLS_ALERT_TABLE(TLS_ALERT_ENUM)
#undef TLS_ALERT_ENUM
        TLS_ALERT_NONE = 256 /* none of them: all is well */
};

enum { TLS_LEVEL_WARNING = 1, TLS_LEVEL_FATAL = 2, TLS_ALERT_SIZE = 2 };

/* A warning: who sends it has nothing against the other; else fatal. */
bool tls_alert_is_warning(enum tls_alert a);
/* Its name; "an unknown alert" for a number without one. */
const char *tls_alert_name(enum tls_alert a);

#endif
