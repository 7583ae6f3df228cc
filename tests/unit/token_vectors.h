/* Written by token_vectors.py: keys, and tokens that PyJWT has made with them. */
/* clang-format off */
static const char rsa_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQE"
    "A5J9FMI7HgjuSROXgJOV+\nAt2aRNCpn/C7YIskDuM/mKTpw086tocmrPxEGlXG/KjuUmfO"
    "lsAZIuWcAAJBcr67\n8ZS0klyK4ASCrr5UO3tEO0MC/lX8AgDomfdjuKy2pMyKPzPJ+cKX8"
    "YFHlCJU7Syi\noP2KmbcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpzS6nbVgPOoQ+wYSb7f"
    "nf/yFj\nl9aiHzlwklvKwgMnGLD3U+VaEOLVBLO6auHQt2bclunzBp6JKdrZzNt8lEb3/Jr"
    "y\nilvmD0WPLg/tm/QJ8gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU6wpQuogS0s9\n8QI"
    "DAQAB\n-----END PUBLIC KEY-----\n";
static const char rsa_short_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC5Wz2"
    "q8wiNVF76TPkpDFsSD/od\nEHydM0pcudHeB2EhmXRtRTb2TkPGSiFOnGXBENbkOoDkiEop"
    "N/wHEUCsnGrZax79\nrKZV/cuq4hpEcWgbma794ZtBV3CAVbZ+4SCxbhV1WO8hoU+CmXlDq"
    "Ba4pNzcL/bY\nuLenx5PvS9aURRbpnQIDAQAB\n-----END PUBLIC KEY-----\n";
static const char p256_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEGuWuRhH"
    "yiMqYUBwjEzNBm3p/WMmq\nl7OPpswYbSxRV9scrTvmAl/4m2cOsq/9tPlekPF0CTifRdWU"
    "nm7frM5DIw==\n-----END PUBLIC KEY-----\n";
static const char p384_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEPZFkVcFDHKG"
    "+8pmOoYPGxUQ+c1vRaOAA\nuXU9f7jBMINpaExZMMQAlLAHswcQ5i03MO2/gG5gkEeS2ZOH"
    "0np0jnXJhhW/DjOZ\nNcjHSTfOpuzZxIegaNWCU+QgQXDUnO92\n-----END PUBLIC KEY-"
    "----\n";
static const char p521_pem[] =
    "-----BEGIN PUBLIC KEY-----\nMIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBh4+P5bE"
    "vZn3WQceCud0FIEvK4fEo\nH4zEDaXD5l2QwNgR6H8xs/5eK9D78ZyDpTK1Z9EJ4aseQflq"
    "DZHGhnZ9r1QBnxnY\nyOX4K9Hqx8LQFecW9z3x826zoN6Gte7iUEcGWVggl7T0wqUMtI7we"
    "Dr98J51bKoe\nmxLtT8odLrQelge7aEM=\n-----END PUBLIC KEY-----\n";
static const char rsa_private_pem[] =
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAg"
    "EAAoIBAQDkn0UwjseCO5JE\n5eAk5X4C3ZpE0Kmf8LtgiyQO4z+YpOnDTzq2hyas/EQaVcb"
    "8qO5SZ86WwBki5ZwA\nAkFyvrvxlLSSXIrgBIKuvlQ7e0Q7QwL+VfwCAOiZ92O4rLakzIo/"
    "M8n5wpfxgUeU\nIlTtLKKg/YqZtzJAlxEHSEADIvzu9ixuWQWq65aMtUwqGWnNLqdtWA86h"
    "D7BhJvt\n+d//IWOX1qIfOXCSW8rCAycYsPdT5VoQ4tUEs7pq4dC3ZtyW6fMGnokp2tnM23"
    "yU\nRvf8mvKKW+YPRY8uD+2b9AnyCYZGDZwmHjGWZ+GTwDQfrKkmrRt2Tek45N5TrClC\n6i"
    "BLSz3xAgMBAAECggEADmHJlbopqVLriuuGG/QW5wG/Smxw+0eG1hYytMANeGIJ\ndZimmiR"
    "q5a9x7lEulSbgZS00FQ4tFqGonGSH7vq6MoKXEG0DbH/EI8+D14ET5AF9\nbvgERDD/8O2b"
    "55pv2/KlEMBGiLB54/6svNAjFQ99hJCmlzBr2B3Yu6NLKZdaH4Md\nCkjmU4/kg3ZDS+Xq1"
    "zmPz4+6MbriR3CdjBM42OKolc7ZW0Ovfg93q6EJPPH0Tpsa\njgvErD6IFGUvkIjyTdTUOF"
    "+oV4WNyb5207mLIUEHtBWk5ALvkPrtIC0eScgIaA0k\nPiw05Yg6Acu/QXj5RGXtElpWheO"
    "LYeQUtBqt1YAMMQKBgQD4JSU121vkJAWNYQvS\njGXaoOMmTDIs07f206mIhCPGgXMEyFZ2"
    "xjvoZ7S6LklJCOyuI+WewUvqThqPXNTI\nFNRQcXwA2LlLr4abnItS3Qezk5JabjSJFi2Ac"
    "iiv5td+x6dmFUPuCPsIBp2hTTlP\no3CIQgke2FmoKFXELaxsBBCgeQKBgQDr2+t69gfgRl"
    "TCw9LpiPG30Y/D8NiY3wMO\nV1IJ4v+iLmiCheexzI/Ljt887u0LSobXqXjr73jeagnWrWN"
    "xDugR77kJPrYE8eV2\nG14jxxCp9hEwP1so5wg4SJAB1EiylwBPuO4RVZBFs/WZMErJfhIe"
    "qqRUocUVE7KB\nkqXrCNDbOQKBgQCsxjg9Yol9tLME+EAiDk1Qx1rBLKZ23ccmHcPZ4J+EN"
    "FegSdki\nA+5sZ+DHDTlLl+IrcaUMP2wbLNyDW1BwK0iU5h8/+6Ywk3s21+2N+YXGPAbX3g"
    "nI\nNV/jIhlAOItso5jjlATjNO+MbAbO65Tu5U6SIOB20I7Ebakh2edGoiHtiQKBgEPQ\nQH"
    "1jHdKbBiXVnd+tkyox468HoY8al8tYyeqzzKI5y6yziXFyimmRk5f2bktPy0NY\no77aZJs"
    "2S8vgoHXSPmFh1obU9Aqp7jquFbwdsSnc6QZBQRmai597JYSRH7HRfrJt\nTm3HdyrDWjsI"
    "Sohyag1NLOB0frDXr/xXSMMyDrLpAoGAWgpqTVVhIDfgFgTihlz2\njlbe4q0ey2aTLYzEu"
    "/zDwBJs+OIAbgQ8q00RACP8uXyLuz+1f29tbc5LAT/qfrDz\n9EHJe6gdu4qwfTwm5NlaDn"
    "B7NqaekIOwd2QsolDl4OtaaBzr/sVohig4t6BycmJD\nCcCZ8bW5y/fkQC0Qj4Fphnw=\n--"
    "---END PRIVATE KEY-----\n";
static const char p256_private_pem[] =
    "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0waw"
    "IBAQQgrmWi++zr0hWqFqOL\nUaeRBM4GiDh9XmUPIAUIyIkNDqmhRANCAAQa5a5GEfKIyph"
    "QHCMTM0Gben9YyaqX\ns4+mzBhtLFFX2xytO+YCX/ibZw6yr/20+V6Q8XQJOJ9F1ZSebt+s"
    "zkMj\n-----END PRIVATE KEY-----\n";
static const char rsa_jwk[] =
    "{\"kty\": \"RSA\", \"n\": \"5J9FMI7HgjuSROXgJOV-At2aRNCpn_C7YIskDuM_mKTpw086t"
    "ocmrPxEGlXG_KjuUmfOlsAZIuWcAAJBcr678ZS0klyK4ASCrr5UO3tEO0MC_lX8AgDomfd"
    "juKy2pMyKPzPJ-cKX8YFHlCJU7SyioP2KmbcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpz"
    "S6nbVgPOoQ-wYSb7fnf_yFjl9aiHzlwklvKwgMnGLD3U-VaEOLVBLO6auHQt2bclunzBp6"
    "JKdrZzNt8lEb3_JryilvmD0WPLg_tm_QJ8gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU"
    "6wpQuogS0s98Q\", \"e\": \"AQAB\"}";
static const char p256_jwk[] =
    "{\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"GuWuRhHyiMqYUBwjEzNBm3p_WMmql7OPps"
    "wYbSxRV9s\", \"y\": \"HK075gJf-JtnDrKv_bT5XpDxdAk4n0XVlJ5u36zOQyM\"}";
static const char p384_jwk[] =
    "{\"kty\": \"EC\", \"crv\": \"P-384\", \"x\": \"PZFkVcFDHKG-8pmOoYPGxUQ-c1vRaOAAuX"
    "U9f7jBMINpaExZMMQAlLAHswcQ5i03\", \"y\": \"MO2_gG5gkEeS2ZOH0np0jnXJhhW_DjO"
    "ZNcjHSTfOpuzZxIegaNWCU-QgQXDUnO92\"}";
static const char key_set_json[] =
    "{\"keys\": [{\"kty\": \"OKP\", \"crv\": \"Ed25519\", \"kid\": \"ed\", \"x\": \"AAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU\"}, {\"kty\": \"RSA\", \"n\": \"5J9FMI7Hgj"
    "uSROXgJOV-At2aRNCpn_C7YIskDuM_mKTpw086tocmrPxEGlXG_KjuUmfOlsAZIuWcAAJB"
    "cr678ZS0klyK4ASCrr5UO3tEO0MC_lX8AgDomfdjuKy2pMyKPzPJ-cKX8YFHlCJU7SyioP"
    "2KmbcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpzS6nbVgPOoQ-wYSb7fnf_yFjl9aiHzlw"
    "klvKwgMnGLD3U-VaEOLVBLO6auHQt2bclunzBp6JKdrZzNt8lEb3_JryilvmD0WPLg_tm_"
    "QJ8gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU6wpQuogS0s98Q\", \"e\": \"AQAB\", \"k"
    "id\": \"r\", \"use\": \"sig\", \"x5t\": \"abc\"}, {\"kty\": \"RSA\", \"n\": \"uVs9qvMIjV"
    "Re-kz5KQxbEg_6HRB8nTNKXLnR3gdhIZl0bUU29k5DxkohTpxlwRDW5DqA5IhKKTf8BxFA"
    "rJxq2Wse_aymVf3LquIaRHFoG5mu_eGbQVdwgFW2fuEgsW4VdVjvIaFPgpl5Q6gWuKTc3C"
    "_22Li3p8eT70vWlEUW6Z0\", \"e\": \"AQAB\", \"kid\": \"short\"}, {\"kty\": \"RSA\", \""
    "n\": \"5J9FMI7HgjuSROXgJOV-At2aRNCpn_C7YIskDuM_mKTpw086tocmrPxEGlXG_KjuU"
    "mfOlsAZIuWcAAJBcr678ZS0klyK4ASCrr5UO3tEO0MC_lX8AgDomfdjuKy2pMyKPzPJ-cK"
    "X8YFHlCJU7SyioP2KmbcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpzS6nbVgPOoQ-wYSb7"
    "fnf_yFjl9aiHzlwklvKwgMnGLD3U-VaEOLVBLO6auHQt2bclunzBp6JKdrZzNt8lEb3_Jr"
    "yilvmD0WPLg_tm_QJ8gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU6wpQuogS0s98Q\", "
    "\"e\": \"AQAB\", \"kid\": \"enc\", \"use\": \"enc\"}, {\"kty\": \"RSA\", \"n\": \"5J9FMI7"
    "HgjuSROXgJOV-At2aRNCpn_C7YIskDuM_mKTpw086tocmrPxEGlXG_KjuUmfOlsAZIuWcA"
    "AJBcr678ZS0klyK4ASCrr5UO3tEO0MC_lX8AgDomfdjuKy2pMyKPzPJ-cKX8YFHlCJU7Sy"
    "ioP2KmbcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpzS6nbVgPOoQ-wYSb7fnf_yFjl9aiH"
    "zlwklvKwgMnGLD3U-VaEOLVBLO6auHQt2bclunzBp6JKdrZzNt8lEb3_JryilvmD0WPLg_"
    "tm_QJ8gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU6wpQuogS0s98Q\", \"e\": \"AQAB\","
    " \"kid\": \"oaep\", \"alg\": \"RSA-OAEP\"}, {\"kty\": \"RSA\", \"n\": \"5J9FMI7HgjuSR"
    "OXgJOV-At2aRNCpn_C7YIskDuM_mKTpw086tocmrPxEGlXG_KjuUmfOlsAZIuWcAAJBcr6"
    "78ZS0klyK4ASCrr5UO3tEO0MC_lX8AgDomfdjuKy2pMyKPzPJ-cKX8YFHlCJU7SyioP2Km"
    "bcyQJcRB0hAAyL87vYsblkFquuWjLVMKhlpzS6nbVgPOoQ-wYSb7fnf_yFjl9aiHzlwklv"
    "KwgMnGLD3U-VaEOLVBLO6auHQt2bclunzBp6JKdrZzNt8lEb3_JryilvmD0WPLg_tm_QJ8"
    "gmGRg2cJh4xlmfhk8A0H6ypJq0bdk3pOOTeU6wpQuogS0s98Q\", \"e\": \"AQAB\", \"kid\""
    ": \"wrap\", \"key_ops\": [\"wrapKey\"]}, {\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": "
    "\"GuWuRhHyiMqYUBwjEzNBm3p_WMmql7OPpswYbSxRV9s\", \"y\": \"HK075gJf-JtnDrKv_"
    "bT5XpDxdAk4n0XVlJ5u36zOQyM\", \"kid\": \"e\", \"alg\": \"ES256\", \"key_ops\": [\""
    "verify\"]}, {\"kty\": \"EC\", \"crv\": \"P-384\", \"x\": \"PZFkVcFDHKG-8pmOoYPGxUQ"
    "-c1vRaOAAuXU9f7jBMINpaExZMMQAlLAHswcQ5i03\", \"y\": \"MO2_gG5gkEeS2ZOH0np0"
    "jnXJhhW_DjOZNcjHSTfOpuzZxIegaNWCU-QgQXDUnO92\", \"kid\": \"e3\"}, {\"kty\": \""
    "EC\", \"crv\": \"P-521\", \"x\": \"AYePj-WxL2Z91kHHgrndBSBLyuHxKB-MxA2lw-ZdkMD"
    "YEeh_MbP-XivQ-_Gcg6UytWfRCeGrHkH5ag2RxoZ2fa9U\", \"y\": \"AZ8Z2Mjl-CvR6sfC"
    "0BXnFvc98fNus6DehrXu4lBHBllYIJe09MKlDLSO8Hg6_fCedWyqHpsS7U_KHS60HpYHu2"
    "hD\", \"kid\": \"e5\"}, {\"kty\": \"EC\", \"crv\": \"P-256\", \"x\": \"AAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAE\", \"y\": \"HK075gJf-JtnDrKv_bT5XpDxdAk4n0XVl"
    "J5u36zOQyM\", \"kid\": \"off\"}, {\"kty\": \"oct\", \"kid\": \"s\", \"k\": \"MDEyMzQ1N"
    "jc4OWFiY2RlZjAxMjM0NTY3ODlBQkNERUY\"}, {\"kty\": \"oct\", \"kid\": \"weak\", \"k"
    "\": \"c2VjcmV0\"}, {\"kty\": \"RSA\", \"kid\": \"half\"}, {\"kid\": \"nothing\"}, 7]}";
static const struct {
    const char *algorithm, *token;
} tokens[] = {
    {"HS256",
     "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.To"
     "A1bHbZNtvUD8qqLR3zM708lbuICEg7DEvloINLWgI"},
    {"HS384",
     "eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.9N"
     "B9yJv3W0Mct0x9BCNYiuP9X1K3H7qgiTIKdsIrDor5LShXhRK9cOnGTYbu9L_0"},
    {"HS512",
     "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.FM"
     "dsS-mbE-n7drNelzoqvZDdWct8gGKeQ2jIoNgaTrUw7vRCpflQy3FKDROkgL_rAWx9qxNp"
     "2vUOl6kS91w7Nw"},
    {"RS256",
     "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.qa"
     "T9-CBK-agQVkQrYJ5QjLxwCDEE4t2GzCSG670m1yBCm1c8TG8OawoSL9OoFVANWVJVIofe"
     "mJSSQnAFW7tTa2OXg7MlruUr1ke9lKdi-IMi3quK_0ySeYyxVtCXvHtAv5dcK5hfj8Pr9H"
     "d2n59OKFTud0JH3OMXz3WbZLgHUpAdPfseAmCe7xm2_o4HFXVAUNwtTT7ksduoLUVO55Hx"
     "3oGwBKIptAL0MK4tn3zfE1MyNPcMBZ1qD3UJS2Q2XuGglpNf3PSKaJxBsNfoidxQmPrX7_"
     "Q7XUP7SbKjcKPMklKTjRAHe3ba4NRmqPDFPj3-iWDgOO-TYYLZnLBPl0Qq8g"},
    {"RS384",
     "eyJhbGciOiJSUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.cu"
     "Ef4fpV8pwWjL74Gdjovh9tIPgPX_8bL73m9z8O3YXUCvJsblQYabC2x7KzUYgPyUa7EUhP"
     "1P9ltYpMmVe9C1N3Cw0Hi9womgZ00BNGDwSXFpfIrCx7e6_FEEkdpIX00sId-x3uWL5k2Q"
     "38nbTHmk4yWjYDXw9kYM0bjfJWPS2jvsajNUuENcTl0FXsRVezqX5gBotkJUCbYa15htFK"
     "7v6bmurdxxQj0ulYmYThE6EZMp7wIFP1lYb2C9bafDmC-PwacZka6RikYi4z39-P1kSoML"
     "_9T98MUY2p3NI9A5wddvJ6yPgqdijPpvn3dGv_OLn-bhIOK4RvNkQbgkn4vA"},
    {"RS512",
     "eyJhbGciOiJSUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.FR"
     "qnb73HdMI-DPFRrHYSdNYSdHXgb0KjdR-poR24JqBsPJFAAXC-0cEIyd6Z5aEhuqeekUqD"
     "yhoxxZpZesWtmh5l_9wNFKS_YOBvYhgMbj6FXblIvM4C3S9BfymSZl5BibhIld4Pi6Rsbr"
     "4X2hkVjPrUxuwLPF-CVDXlTjBajD3mY-4Q-yW_31iaiz88L2Ucnlg3EDiTIeNJHqGblS0W"
     "B5HEjeO7yQYbA5n2Cv3mGRYIEuMISHlolZ27fbYZ3gU9oFYes3sFExIt9WYY7xCIFqtCt5"
     "40xgyL9uUropMMvu-FQGMDDvCJBnv-7uNsy7NrH6y_FjVT53Ayd1aaiKf5NA"},
    {"PS256",
     "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.nz"
     "NWcwaUoNPDo9egrDVNepVhNwo9QUpd9i6NXlRYD5MVuCFmRiyOLVBLD_oTDvY9sNIDyZvN"
     "XSvymgr9Se1zk4wmZgi-cMelZPCTrNa2ymeUIjWm1H0BlaHJXJmIblsY728dOV5Mn8D9JV"
     "WvmbLIlY_wY8-KTNdhhl5UvkqDS_0XDD16ggrQTwy4PsVMUunm0n718PDBl7qOu_EV2o7N"
     "RB1o1I7iUdgrn3OdX8mYD2_JPzjTdzrZ_TkMk8fRbYP9e5wZL_z6wZ44FJ8wZ6toiwccyM"
     "V0gxosqPy80tiIT7UOt628Kg_Evn0TuGVvrQYoehOG9Gnc3-4fWVEUQ9_4tw"},
    {"PS384",
     "eyJhbGciOiJQUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.q4"
     "spYuQxmtKoGEsHmNtVbtO-iP8gZNpfeSHKZDXTbg_OpJ-5irxQyeHXUz_LZs5XEsTWfu10"
     "jcWQFYm_c29bqI8eRm4lvii5iaQE9N8p05fyGsT9t3st5qYgDfa_JckDuBmqOTVn-MJKKE"
     "RjZ2FFnJ-u6yle2OpY6L1cgpYlNFVf3PebMMT5kk_rCl65w_DuvCb2EZca9I6mkDscXtvI"
     "wAouE7P2pbF9KDJXKFa348djnBBzuVWYImk17fFbQDe9MWhqzWaQuEt9nz1CWRClqKBo5-"
     "Rl9pvdCez6pAXd6jLlFa32eA6vzorCgDjs_vWzcYjvUujbGgM59_gVKx3taw"},
    {"PS512",
     "eyJhbGciOiJQUzUxMiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.bi"
     "feQLD5asPVNuW5XtE5h2BRLXr6c52geb07SXNMOlxb6oxa7IVjnU68pNUjVXazRoaBwcVf"
     "gQM4G7INwGGpLHEr2eiuymlbLLkpych77sn3f7xdQ6i_8LvotfrUeXsPHH1T6NQhxCfXa-"
     "pLvZDM1_qK8zgwPdV4CAgJW_pXomBExKsMt0qSCqJXNzl9eGWLeBQg-b9-aVatZwQsJxDp"
     "FWKIWIAlLraGwxIzdoX1CrnTLUFcGS1Uwkys_L9hnnO_yd6aI1ji7gkZXVuFDR6ip4bO8W"
     "iN-XnS_cH_kt6vkdiJHVgF-5DgKckDxoW84Rb2cEzrw05xEXdeCnsn5UBtgw"},
    {"ES256",
     "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.aa"
     "Mtw-uWKlVKov1DRI787Z9suloZ2adjOIiz8EHaG4EijJl1mxnAKfG_Tpy_IISaCPRshQFa"
     "z3ZBwj56KrH7Lw"},
    {"ES384",
     "eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwM"
     "jQ0NDgwMCwibG9uZ3dpcmUiOnsic3Vic2NyaWJlIjpbInVzZXJzL3tzdWJ9LyMiXX19.jj"
     "Yc2yXuTyM3bdl3q29lrVheqmaHFiA0TCrNXaDagTiV81NdTt1qBdzzhMt4OFbEfOdcXpIr"
     "c7JgXUG3f3NEH82jPf9p_0-qrMzzQxQOR1mmOKKbwppdU3zt3NR9U9gj"},
};
/* clang-format on */
