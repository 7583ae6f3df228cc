/* The record codec: what it seals and opens, and the alert of everything that it refuses. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_peer.h"
#include "tests/unit/unhex.h"

static struct tls_record *record;
static struct tls_peer peer;
static struct tls_opened opened;
static struct tls_keys keys;

/* Each loop test runs with both versions and all suites. */
enum { KINDS = 2 * TLS_SUITES };

static enum tls_version version_of(int kind)
{
    return kind < TLS_SUITES ? TLS_1_2 : TLS_1_3;
}

static bool is_13(void)
{
    return keys.version == TLS_1_3;
}

static void begin_with(const struct tls_keys *k)
{
    keys = *k;
    record = malloc(tls_record_size(k));
    tls_record_init(record, k);
    tls_peer_init(&peer, k);
}

static void begin(int kind)
{
    struct tls_keys k = tls_peer_keys(version_of(kind), (enum tls_suite)(kind % TLS_SUITES));
    begin_with(&k);
}

static void end(void)
{
    tls_record_finish(record);
    free(record);
    tls_peer_finish(&peer);
}

/* Opens the next record that the peer has said, which lies in memory of just its size. */
static enum tls_what next(void)
{
    static uint8_t *at;
    size_t n = 0;
    ck_assert_uint_ge(peer.said.len, TLS_HEADER_SIZE);
    opened = (struct tls_opened){
        .alert = tls_record_measure(record, (const uint8_t *)peer.said.data, &n)};
    if (opened.alert != TLS_ALERT_NONE)
        return TLS_REFUSED;
    ck_assert_uint_ge(peer.said.len, n);
    free(at);
    at = malloc(n);
    memcpy(at, peer.said.data, n);
    buf_consume(&peer.said, n);
    return tls_record_open(record, at, n, &opened);
}

static void expect_nothing(void)
{
    ck_assert_int_eq(next(), TLS_NOTHING);
}

static void expect_data(const char *text)
{
    ck_assert_int_eq(next(), TLS_DATA);
    ck_assert_uint_eq(opened.n, strlen(text));
    ck_assert_mem_eq(opened.data, text, opened.n);
}

static void expect_refused(enum tls_alert a)
{
    ck_assert_int_eq(next(), TLS_REFUSED);
    ck_assert_str_eq(tls_alert_name(opened.alert), tls_alert_name(a));
}

static void seal(const void *data, size_t n)
{
    uint8_t *out = malloc(n + TLS_SEALED_MAX - TLS_TEXT_MAX);
    size_t len;
    ck_assert_int_eq(tls_record_seal(record, data, n, out, &len), ERR_OK);
    tls_peer_hear(&peer, out, len);
    free(out);
}

static void expect_heard(const char *text)
{
    ck_assert_uint_eq(peer.heard.len, strlen(text));
    ck_assert_mem_eq(peer.heard.data, text, peer.heard.len);
    buf_clear(&peer.heard);
}

static void say(const char *text)
{
    tls_peer_say_data(&peer, text, strlen(text));
}

/* --- data --- */

START_TEST(data_comes_and_goes)
{
    begin(_i);
    for (int i = 0; i < 3; i++) {
        say("to the hub");
        expect_data("to the hub");
        seal("from it", 7);
        expect_heard("from it");
    }
    ck_assert_uint_eq(peer.records, 3);
    end();
}
END_TEST

START_TEST(records_are_as_large_as_they_may_be)
{
    static char text[TLS_TEXT_MAX + 1];
    begin(_i);
    memset(text, 'x', TLS_TEXT_MAX);
    say(text);
    expect_data(text);
    seal(text, TLS_TEXT_MAX);
    expect_heard(text);
    end();
}
END_TEST

START_TEST(no_record_is_larger)
{
    static char text[TLS_TEXT_MAX + 300];
    begin(_i);
    memset(text, 'x', sizeof(text));
    tls_peer_say_data(&peer, text, TLS_TEXT_MAX + 1);
    expect_refused(TLS_ALERT_record_overflow);
    end();
    begin(_i); /* its header says it */
    tls_peer_say_data(&peer, text, sizeof(text));
    expect_refused(TLS_ALERT_record_overflow);
    end();
}
END_TEST

/* RFC 8448 section 3, behind the handshake: what both say, and the session ticket in between. */
START_TEST(records_are_those_of_rfc_8448)
{
    struct tls_keys k = {.version = TLS_1_3, .suite = TLS_AES_128_GCM, .secret_len = 32};
    uint8_t text[50], wanted[100], out[TLS_SEALED_MAX];
    size_t n, len;
    unhex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5", k.in.secret, 48);
    unhex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643", k.out.secret, 48);
    ck_assert_int_eq(tls_direction_derive(&k.in, k.suite, 32), ERR_OK);
    ck_assert_int_eq(tls_direction_derive(&k.out, k.suite, 32), ERR_OK);
    k.out.seq = 1; /* behind the ticket */
    begin_with(&k);
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (uint8_t)i;
    n = unhex("17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea"
              "42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 5b d5 4a 9a 20 44 1e 2b"
              "62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4"
              "17 03 03 00 13 c9 87 27 60 65 56 66 b7 4d 7f f1 15 3e fd 6d b6 d0 b0 e3",
              wanted, sizeof(wanted));
    buf_append(&peer.said, wanted, n);
    ck_assert_int_eq(next(), TLS_DATA);
    ck_assert_uint_eq(opened.n, sizeof(text));
    ck_assert_mem_eq(opened.data, text, sizeof(text));
    ck_assert_int_eq(next(), TLS_ENDS);
    n = unhex("17 03 03 00 43 2e 93 7e 11 ef 4a c7 40 e5 38 ad 36 00 5f c4 a4 69 32 fc"
              "32 25 d0 5f 82 aa 1b 36 e3 0e fa f9 7d 90 e6 df fc 60 2d cb 50 1a 59 a8"
              "fc c4 9c 4b f2 e5 f0 a2 1c 00 47 c2 ab f3 32 54 0d d0 32 e1 67 c2 95 5d",
              wanted, sizeof(wanted));
    ck_assert_int_eq(tls_record_seal(record, text, sizeof(text), out, &len), ERR_OK);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(out, wanted, n);
    n = unhex("17 03 03 00 13 b5 8f d6 71 66 eb f5 99 d2 47 20 cf be 7e fa 7a 88 64 a9", wanted,
              sizeof(wanted));
    ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_close_notify, out, &len), ERR_OK);
    ck_assert_uint_eq(len, n);
    ck_assert_mem_eq(out, wanted, n);
    end();
}
END_TEST

START_TEST(padding_is_no_data)
{
    static const size_t paddings[] = {1, 2, 100, TLS_TEXT_MAX - 4};
    begin(TLS_SUITES + _i);
    for (size_t i = 0; i < sizeof(paddings) / sizeof(paddings[0]); i++) {
        tls_peer_say(&peer, TLS_TYPE_DATA, "data", 4, paddings[i]);
        expect_data("data");
    }
    tls_peer_say(&peer, TLS_TYPE_DATA, "data", 4, TLS_TEXT_MAX - 3); /* one too many */
    expect_refused(TLS_ALERT_record_overflow);
    end();
}
END_TEST

/* As mbedTLS does. */
START_TEST(a_full_record_may_be_padded_to_a_block)
{
    static char text[TLS_TEXT_MAX + 1];
    begin(TLS_SUITES + _i);
    memset(text, 'x', TLS_TEXT_MAX);
    tls_peer_say(&peer, TLS_TYPE_DATA, text, TLS_TEXT_MAX, 15);
    expect_data(text);
    tls_peer_say(&peer, TLS_TYPE_DATA, text, TLS_TEXT_MAX, 16);
    expect_refused(TLS_ALERT_record_overflow);
    end();
}
END_TEST

START_TEST(padding_alone_is_refused)
{
    begin(TLS_SUITES + _i);
    tls_peer_say(&peer, 0, NULL, 0, 20);
    expect_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

/* --- what was not sealed by the peer --- */

static void say_damaged(size_t at)
{
    tls_peer_finish(&peer);
    tls_peer_init(&peer, &keys);
    say("some data");
    peer.said.data[at] ^= 0x10;
}

START_TEST(what_was_changed_is_refused)
{
    begin(_i);
    say_damaged(0);
    size_t n = peer.said.len;
    end();
    for (size_t at = TLS_HEADER_SIZE; at < n; at++) {
        begin(_i);
        say_damaged(at);
        expect_refused(TLS_ALERT_bad_record_mac);
        end();
    }
}
END_TEST

/* The header is protected, too: where it passes, the record does not open. */
START_TEST(what_says_another_type_or_version_is_refused)
{
    begin(_i);
    say_damaged(0); /* 7 */
    expect_refused(TLS_ALERT_unexpected_message);
    end();
    begin(_i);
    say_damaged(1);
    expect_refused(is_13() ? TLS_ALERT_bad_record_mac : TLS_ALERT_protocol_version);
    end();
    begin(_i);
    say("some data");
    peer.said.data[0] = TLS_TYPE_ALERT;
    expect_refused(is_13() ? TLS_ALERT_unexpected_message : TLS_ALERT_bad_record_mac);
    end();
}
END_TEST

START_TEST(what_comes_again_is_refused)
{
    begin(_i);
    say("once");
    struct buf copy = {0};
    buf_append(&copy, peer.said.data, peer.said.len);
    expect_data("once");
    buf_append(&peer.said, copy.data, copy.len);
    expect_refused(TLS_ALERT_bad_record_mac);
    buf_finish(&copy);
    end();
}
END_TEST

START_TEST(what_is_too_short_to_be_sealed_is_refused)
{
    for (unsigned n = 0; n < 8 + 16; n++) {
        uint8_t short_record[TLS_HEADER_SIZE + 8 + 16] = {TLS_TYPE_DATA, 3, 3, 0, (uint8_t)n};
        begin(_i);
        buf_append(&peer.said, short_record, TLS_HEADER_SIZE + n);
        expect_refused(TLS_ALERT_bad_record_mac);
        end();
    }
}
END_TEST

/* --- types --- */

START_TEST(types_without_business_here_are_refused)
{
    static const unsigned types[] = {0, 1, 19, TLS_TYPE_CHANGE_CIPHER_SPEC, 24, 25, 128, 255};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        begin(_i);
        tls_peer_say(&peer, types[i], "\1", 1, 0);
        expect_refused(TLS_ALERT_unexpected_message);
        end();
    }
}
END_TEST

/* 1.3: before the handshake's end some may be so; behind it none. */
START_TEST(what_is_not_sealed_is_refused)
{
    static const uint8_t plain[][7] = {
        {TLS_TYPE_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1},
        {TLS_TYPE_ALERT, 3, 3, 0, 2, TLS_LEVEL_WARNING, TLS_ALERT_close_notify},
        {TLS_TYPE_HANDSHAKE, 3, 1, 0, 2, 1, 0},
        {'G', 'E', 'T', ' ', '/', ' ', 'H'},
    };
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        begin(_i);
        buf_append(&peer.said, plain[i], sizeof(plain[i]));
        ck_assert_int_eq(next(), TLS_REFUSED);
        if (is_13() || i == 3)
            ck_assert_int_eq(opened.alert, TLS_ALERT_unexpected_message);
        end();
    }
}
END_TEST

START_TEST(empty_records_are_borne_for_a_while)
{
    begin(_i);
    for (int round = 0; round < 3; round++) { /* what brings data begins a new row */
        for (int i = 0; i < TLS_IDLE_MAX; i++) {
            say("");
            expect_nothing();
        }
        say("data");
        expect_data("data");
    }
    for (int i = 0; i < TLS_IDLE_MAX; i++) {
        say("");
        expect_nothing();
    }
    say("");
    expect_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

/* --- alerts --- */

START_TEST(the_peer_may_end)
{
    begin(_i);
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_close_notify);
    ck_assert_int_eq(next(), TLS_ENDS);
    tls_peer_say_alert(&peer, TLS_LEVEL_FATAL, TLS_ALERT_close_notify);
    ck_assert_int_eq(next(), TLS_ENDS);
    end();
}
END_TEST

START_TEST(a_fatal_alert_is_the_end)
{
    static const enum tls_alert alerts[] = {TLS_ALERT_bad_record_mac, TLS_ALERT_internal_error,
                                            TLS_ALERT_unknown_ca, 255};
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        begin(_i);
        tls_peer_say_alert(&peer, TLS_LEVEL_FATAL, alerts[i]);
        ck_assert_int_eq(next(), TLS_FAILED);
        ck_assert_int_eq(opened.alert, alerts[i]);
        end();
    }
}
END_TEST

/* RFC 8446 section 6: there are no levels any more. */
START_TEST(a_warning_is_none_under_1_3)
{
    begin(_i);
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_unrecognized_name);
    ck_assert_int_eq(next(), is_13() ? TLS_FAILED : TLS_NOTHING);
    end();
    begin(_i);
    tls_peer_say_alert(&peer, 77, TLS_ALERT_unrecognized_name);
    ck_assert_int_eq(next(), is_13() ? TLS_FAILED : TLS_REFUSED);
    ck_assert_int_eq(opened.alert,
                     is_13() ? TLS_ALERT_unrecognized_name : TLS_ALERT_illegal_parameter);
    end();
}
END_TEST

START_TEST(warnings_are_borne_for_a_while)
{
    begin(_i);
    for (int i = 0; i < TLS_IDLE_MAX; i++) {
        tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_user_canceled);
        expect_nothing();
    }
    tls_peer_say_alert(&peer, TLS_LEVEL_WARNING, TLS_ALERT_user_canceled);
    expect_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

START_TEST(an_alert_is_one_and_whole)
{
    begin(_i);
    tls_peer_say(&peer, TLS_TYPE_ALERT, NULL, 0, 0);
    expect_refused(TLS_ALERT_unexpected_message);
    tls_peer_say(&peer, TLS_TYPE_ALERT, "\1", 1, 0);
    expect_refused(TLS_ALERT_decode_error);
    tls_peer_say(&peer, TLS_TYPE_ALERT, "\1\0\1", 3, 0);
    expect_refused(TLS_ALERT_decode_error);
    end();
}
END_TEST

START_TEST(alerts_are_told_with_their_level)
{
    uint8_t out[TLS_SEALED_ALERT_MAX];
    size_t n;
    begin(_i);
    ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_close_notify, out, &n), ERR_OK);
    tls_peer_hear(&peer, out, n);
    ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    ck_assert_uint_eq(peer.level, TLS_LEVEL_WARNING);
    ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_bad_record_mac, out, &n), ERR_OK);
    tls_peer_hear(&peer, out, n);
    ck_assert_int_eq(peer.alert, TLS_ALERT_bad_record_mac);
    ck_assert_uint_eq(peer.level, TLS_LEVEL_FATAL);
    end();
}
END_TEST

/* --- KeyUpdate --- */

START_TEST(the_peer_changes_its_key)
{
    begin(TLS_SUITES + _i);
    for (int i = 0; i < 3; i++) {
        tls_peer_say_update(&peer, false);
        expect_nothing();
        say("by the next key");
        expect_data("by the next key");
        seal("by the same", 11);
        expect_heard("by the same");
    }
    ck_assert_uint_eq(peer.updates, 0);
    end();
}
END_TEST

/* RFC 8446 section 4.6.3: before the next data; and once for all that were asked for meanwhile. */
START_TEST(the_hub_changes_its_key_when_asked)
{
    begin(TLS_SUITES + _i);
    for (int i = 0; i < 5; i++) {
        tls_peer_say_update(&peer, true);
        expect_nothing();
    }
    seal("by the next key", 15);
    expect_heard("by the next key");
    ck_assert_uint_eq(peer.updates, 1);
    seal("by the same", 11);
    expect_heard("by the same");
    ck_assert_uint_eq(peer.updates, 1);
    end();
}
END_TEST

START_TEST(the_hub_changes_its_key_in_time)
{
    struct tls_keys k = tls_peer_keys(TLS_1_3, (enum tls_suite)_i);
    k.out.seq = TLS_GCM_RECORDS_MAX - 1;
    begin_with(&k);
    seal("one", 3);
    ck_assert_uint_eq(peer.updates, 0);
    seal("two", 3);
    ck_assert_uint_eq(peer.updates, _i == TLS_CHACHA20_POLY1305 ? 0 : 1);
    seal("six", 3);
    expect_heard("onetwosix");
    ck_assert_uint_eq(peer.updates, _i == TLS_CHACHA20_POLY1305 ? 0 : 1);
    end();
}
END_TEST

START_TEST(there_is_no_other_key_under_1_2)
{
    struct tls_keys k = tls_peer_keys(TLS_1_2, (enum tls_suite)_i);
    uint8_t out[TLS_SEALED_MAX];
    size_t n;
    k.out.seq = TLS_GCM_RECORDS_MAX - 1;
    begin_with(&k);
    seal("one", 3);
    ck_assert_int_eq(tls_record_seal(record, "two", 3, out, &n),
                     _i == TLS_CHACHA20_POLY1305 ? ERR_OK : ERR_LIMIT);
    if (_i != TLS_CHACHA20_POLY1305) {
        ck_assert_int_eq(tls_record_seal_alert(record, TLS_ALERT_close_notify, out, &n), ERR_OK);
        tls_peer_hear(&peer, out, n);
        ck_assert_int_eq(peer.alert, TLS_ALERT_close_notify);
    }
    end();
}
END_TEST

START_TEST(key_updates_are_borne_for_a_while)
{
    begin(TLS_SUITES + _i);
    for (int i = 0; i < TLS_IDLE_MAX; i++) {
        tls_peer_say_update(&peer, i % 2);
        expect_nothing();
    }
    seal("who listens may update for ever", 31);
    for (int i = 0; i < TLS_IDLE_MAX; i++) {
        tls_peer_say_update(&peer, i % 2);
        expect_nothing();
    }
    tls_peer_say_update(&peer, false);
    expect_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

static const uint8_t an_update[5] = {24, 0, 0, 1, 0};

START_TEST(a_key_update_may_come_in_parts)
{
    begin(TLS_SUITES + _i);
    for (size_t i = 0; i < sizeof(an_update) - 1; i++) {
        tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, an_update + i, 1, i);
        expect_nothing();
    }
    tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, an_update + 4, 1, 0);
    tls_peer_update(&peer);
    expect_nothing();
    say("data");
    expect_data("data");
    end();
}
END_TEST

START_TEST(nothing_comes_between_the_parts)
{
    static const unsigned types[] = {TLS_TYPE_DATA, TLS_TYPE_ALERT};
    for (int kind = 0; kind < KINDS; kind++)
        for (int i = 0; i < 2; i++) {
            begin(kind);
            tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, is_13() ? "\x18" : "\1", 1, 0);
            expect_nothing();
            tls_peer_say(&peer, types[i], "\1\0", 2, 0);
            expect_refused(TLS_ALERT_unexpected_message);
            end();
        }
}
END_TEST

static void check_message(const char *message, size_t n, enum tls_alert wanted)
{
    begin(TLS_SUITES);
    tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, message, n, 0);
    expect_refused(wanted);
    end();
}

START_TEST(other_messages_behind_the_handshake_are_refused)
{
    check_message("", 0, TLS_ALERT_unexpected_message);
    check_message("\x18\0\0\1\0x", 6, TLS_ALERT_unexpected_message); /* not at a record's end */
    check_message("\x18\0\0\1\2", 5, TLS_ALERT_illegal_parameter);
    check_message("\x18\0\0\2\0\0", 6, TLS_ALERT_decode_error);
    check_message("\x18\0\0\0", 4, TLS_ALERT_decode_error);
    check_message("\x18\1\0\1", 4, TLS_ALERT_decode_error);
    check_message("\1\0\0\1\0", 5, TLS_ALERT_unexpected_message);   /* ClientHello */
    check_message("\4\0\0\1\0", 5, TLS_ALERT_unexpected_message);   /* NewSessionTicket */
    check_message("\x0b\0\0\1\0", 5, TLS_ALERT_unexpected_message); /* Certificate: not asked for */
    check_message("\x14\0\0\1\0", 5, TLS_ALERT_unexpected_message); /* Finished */
}
END_TEST

/* --- renegotiation --- */

static void say_hello(size_t body, size_t piece)
{
    uint8_t *hello = calloc(1, 4 + body);
    hello[0] = 1;
    hello[1] = (uint8_t)(body >> 16);
    hello[2] = (uint8_t)(body >> 8);
    hello[3] = (uint8_t)body;
    for (size_t at = 0; at < 4 + body; at += piece)
        tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, hello + at,
                     piece < 4 + body - at ? piece : 4 + body - at, 0);
    free(hello);
}

static void expect_warning(void)
{
    ck_assert_int_eq(next(), TLS_REPLIES);
    ck_assert_int_eq(opened.alert, TLS_ALERT_no_renegotiation);
    ck_assert(tls_alert_is_warning(opened.alert));
}

START_TEST(renegotiation_is_refused_by_a_warning)
{
    static const size_t bodies[] = {0, 1, 200, 5000};
    begin(_i);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        say_hello(bodies[i], 16384);
        expect_warning();
        say("it goes on");
        expect_data("it goes on");
    }
    say_hello(65535, 16000);
    for (int i = 0; i < 4; i++)
        expect_nothing();
    expect_warning();
    say_hello(8, 1);
    for (int i = 0; i < 11; i++)
        expect_nothing();
    expect_warning();
    say("it goes on");
    expect_data("it goes on");
    end();
}
END_TEST

START_TEST(two_in_a_record_are_refused_by_one)
{
    begin(_i);
    tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, "\1\0\0\1x\1\0\0\0", 9, 0);
    expect_warning();
    say("it goes on");
    expect_data("it goes on");
    end();
}
END_TEST

START_TEST(who_insists_is_refused)
{
    begin(_i);
    for (int i = 0; i < TLS_IDLE_MAX; i++) {
        say_hello(10, 100);
        expect_warning();
    }
    say_hello(10, 100);
    expect_refused(TLS_ALERT_unexpected_message);
    end();
    begin(_i);
    say_hello(65536, 16384);
    expect_refused(TLS_ALERT_illegal_parameter);
    end();
    begin(_i);
    tls_peer_say(&peer, TLS_TYPE_HANDSHAKE, "\x10\0\0\1x", 5, 0); /* ClientKeyExchange */
    expect_refused(TLS_ALERT_unexpected_message);
    end();
}
END_TEST

/* --- secrets --- */

START_TEST(nothing_is_left_of_them)
{
    begin(_i);
    size_t n = tls_record_size(&keys) - offsetof(struct tls_record, secrets);
    uint8_t *zeros = calloc(1, n);
    tls_record_finish(record);
    ck_assert_mem_eq(record->secrets, zeros, n);
    free(zeros);
    end();
    tls_keys_wipe(&keys);
    ck_assert_mem_eq(&keys, &(struct tls_keys){0}, sizeof(keys));
}
END_TEST

START_TEST(alerts_have_names)
{
    ck_assert_str_eq(tls_alert_name(TLS_ALERT_bad_record_mac), "bad_record_mac");
    ck_assert_str_eq(tls_alert_name(1), "an unknown alert");
}
END_TEST

static Suite *record_suite(void)
{
    Suite *s = suite_create("tls_record");
    TCase *t = tcase_create("records"), *a = tcase_create("alerts"), *m = tcase_create("messages");
    tcase_add_loop_test(t, data_comes_and_goes, 0, KINDS);
    tcase_add_loop_test(t, records_are_as_large_as_they_may_be, 0, KINDS);
    tcase_add_loop_test(t, no_record_is_larger, 0, KINDS);
    tcase_add_test(t, records_are_those_of_rfc_8448);
    tcase_add_loop_test(t, padding_is_no_data, 0, TLS_SUITES);
    tcase_add_loop_test(t, a_full_record_may_be_padded_to_a_block, 0, TLS_SUITES);
    tcase_add_loop_test(t, padding_alone_is_refused, 0, TLS_SUITES);
    tcase_add_loop_test(t, what_was_changed_is_refused, 0, KINDS);
    tcase_add_loop_test(t, what_says_another_type_or_version_is_refused, 0, KINDS);
    tcase_add_loop_test(t, what_comes_again_is_refused, 0, KINDS);
    tcase_add_loop_test(t, what_is_too_short_to_be_sealed_is_refused, 0, KINDS);
    tcase_add_loop_test(t, types_without_business_here_are_refused, 0, KINDS);
    tcase_add_loop_test(t, what_is_not_sealed_is_refused, 0, KINDS);
    tcase_add_loop_test(t, empty_records_are_borne_for_a_while, 0, KINDS);
    tcase_add_loop_test(t, nothing_is_left_of_them, 0, KINDS);
    suite_add_tcase(s, t);
    tcase_add_loop_test(a, the_peer_may_end, 0, KINDS);
    tcase_add_loop_test(a, a_fatal_alert_is_the_end, 0, KINDS);
    tcase_add_loop_test(a, a_warning_is_none_under_1_3, 0, KINDS);
    tcase_add_loop_test(a, warnings_are_borne_for_a_while, 0, KINDS);
    tcase_add_loop_test(a, an_alert_is_one_and_whole, 0, KINDS);
    tcase_add_loop_test(a, alerts_are_told_with_their_level, 0, KINDS);
    tcase_add_test(a, alerts_have_names);
    suite_add_tcase(s, a);
    tcase_add_loop_test(m, the_peer_changes_its_key, 0, TLS_SUITES);
    tcase_add_loop_test(m, the_hub_changes_its_key_when_asked, 0, TLS_SUITES);
    tcase_add_loop_test(m, the_hub_changes_its_key_in_time, 0, TLS_SUITES);
    tcase_add_loop_test(m, there_is_no_other_key_under_1_2, 0, TLS_SUITES);
    tcase_add_loop_test(m, key_updates_are_borne_for_a_while, 0, TLS_SUITES);
    tcase_add_loop_test(m, a_key_update_may_come_in_parts, 0, TLS_SUITES);
    tcase_add_test(m, nothing_comes_between_the_parts);
    tcase_add_test(m, other_messages_behind_the_handshake_are_refused);
    tcase_add_loop_test(m, renegotiation_is_refused_by_a_warning, 0, TLS_SUITES);
    tcase_add_loop_test(m, two_in_a_record_are_refused_by_one, 0, TLS_SUITES);
    tcase_add_loop_test(m, who_insists_is_refused, 0, TLS_SUITES);
    suite_add_tcase(s, m);
    return s;
}

int main(void)
{
    SRunner *r = srunner_create(record_suite());
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
