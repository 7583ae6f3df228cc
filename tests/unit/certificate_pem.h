/* A certificate for localhost, *.b.example and 127.0.0.1, by "Longwire unit", from 2026-01-02 to
 * 2026-03-04. */
#ifndef TESTS_UNIT_CERTIFICATE_PEM_H
#define TESTS_UNIT_CERTIFICATE_PEM_H

static const char certificate_pem[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBhDCCASmgAwIBAgIBATAKBggqhkjOPQQDAjAYMRYwFAYDVQQDDA1Mb25nd2ly\n"
    "ZSB1bml0MB4XDTI2MDEwMjAwMDAwMFoXDTI2MDMwNDAwMDAwMFowETEPMA0GA1UE\n"
    "AwwGc2VydmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX7Qbu/NJKM2YggAh\n"
    "dhr36iLqZZAPAQnBnuF4F72SLAtR+/X8dc7UPHyCxZh4rnMxyE61loNT43koAftk\n"
    "xFzReqNrMGkwJwYDVR0RBCAwHoIJbG9jYWxob3N0ggsqLmIuZXhhbXBsZYcEfwAA\n"
    "ATAdBgNVHQ4EFgQUWSn8Uo8tOmS+Wiy9f7ONqItjTXcwHwYDVR0jBBgwFoAUTKdc\n"
    "tsw4bdxuzEHp5BWUi0zx8BcwCgYIKoZIzj0EAwIDSQAwRgIhANX2Ia/Y3/9A9jR/\n"
    "WOnOiyjpZ30RHI5aAo2xRAf5AmGeAiEA8LJh9c/NFXMQDlExGK3JneF/9qPDaxiK\n"
    "dmCaApJzFZY=\n"
    "-----END CERTIFICATE-----\n";

#endif
