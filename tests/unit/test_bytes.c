/* Eight bytes at once against one after the other: every byte value, at every place. */
#include "base/bytes.h"

#include <check.h>
#include <stdlib.h>

/* Bytes next to those that are looked for: what a borrow could turn into one of them. */
static const unsigned char fillers[] = {0x00, 0x01, 0x09, 0x0B, 0x0C, 0x0E, 0x1F, 0x20,
                                        0x21, 0x7F, 0x80, 0x81, 0xA0, 0xFF, 'x'};

static uint64_t word_with(unsigned char filler, unsigned place, unsigned char c)
{
    char bytes[8];
    memset(bytes, filler, sizeof(bytes));
    bytes[place] = (char)c;
    return bytes_load(bytes);
}

START_TEST(every_byte_at_every_place_of_a_word)
{
    static const unsigned char limits[] = {1, 0x20, 0x7F, 0x80};
    for (size_t f = 0; f < sizeof(fillers); f++)
        for (unsigned place = 0; place < 8; place++)
            for (unsigned c = 0; c < 256; c++) {
                uint64_t word = word_with(fillers[f], place, (unsigned char)c);
                for (size_t i = 0; i < sizeof(limits); i++)
                    if (bytes_have_below(word, limits[i]) !=
                        (c < limits[i] || fillers[f] < limits[i]))
                        ck_abort_msg("below %u: %u among %u", limits[i], c, fillers[f]);
                if (!bytes_have(word, (unsigned char)c))
                    ck_abort_msg("%u is not found among %u", c, fillers[f]);
                if (bytes_have(word, '\n') != (c == '\n' || fillers[f] == '\n'))
                    ck_abort_msg("LF: %u among %u", c, fillers[f]);
            }
}
END_TEST

/* Exact sizes, so that a read beyond the end is seen. */
START_TEST(line_lengths)
{
    for (size_t n = 0; n < 40; n++)
        for (size_t place = 0; place <= n; place++) {
            char *text = malloc(n + 1), *line = text + 1;
            memset(text, 'x', n + 1);
            for (int i = 0; i < 2 && place < n; i++) {
                line[place] = "\r\n"[i];
                ck_assert_uint_eq(bytes_line_len(line, n), place);
            }
            if (place == n)
                ck_assert_uint_eq(bytes_line_len(line, n), n);
            free(text);
        }
    ck_assert_uint_eq(bytes_line_len(NULL, 0), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("bytes");
    TCase *t = tcase_create("bytes");
    tcase_add_test(t, every_byte_at_every_place_of_a_word);
    tcase_add_test(t, line_lengths);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
