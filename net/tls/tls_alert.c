#include "net/tls/tls_alert.h"

bool tls_alert_is_warning(enum tls_alert a)
{
    return a == TLS_ALERT_close_notify || a == TLS_ALERT_user_canceled ||
           a == TLS_ALERT_no_renegotiation;
}

const char *tls_alert_name(enum tls_alert a)
{
    switch (a) {
#define TLS_ALERT_CASE(name, number)                                                               \
    case TLS_ALERT_##name:                                                                         \
        return #name;
        TLS_ALERT_TABLE(TLS_ALERT_CASE)
#undef TLS_ALERT_CASE
    default:
        return "an unknown alert";
    }
}
