/* The table behind http1_chars.h. What is not named belongs to no class: control bytes and DEL. */
#include "http/http1_chars.h"

/* Rows of the table that occur more than once. */
enum {
    TEXT = CHAR_VALUE | CHAR_QUOTED,
    TOKEN = TEXT | CHAR_TOKEN,
    PATH = TEXT | CHAR_TARGET,
    SUB_DELIMITER = PATH | CHAR_REG_NAME, /* those that are no tchar */
    UNRESERVED = SUB_DELIMITER | CHAR_TOKEN,
    HEX = UNRESERVED | CHAR_HEX,
    BLANK = TEXT | CHAR_BLANK,
    BRACKET = TEXT | CHAR_URI_BRACKET,
};

const uint8_t http1_char_classes[256] = {
    ['\t'] = BLANK,           [' '] = BLANK,
    ['!'] = UNRESERVED,       ['"'] = CHAR_VALUE,       ['#'] = TOKEN,
    ['$'] = UNRESERVED,       ['%'] = TOKEN,            ['&'] = UNRESERVED,
    ['\''] = UNRESERVED,      ['('] = SUB_DELIMITER,    [')'] = SUB_DELIMITER,
    ['*'] = UNRESERVED,       ['+'] = UNRESERVED,       [','] = SUB_DELIMITER,
    ['-'] = UNRESERVED,       ['.'] = UNRESERVED,       ['/'] = PATH,
    ['0' ... '9'] = HEX,      [':'] = PATH,             [';'] = SUB_DELIMITER,
    ['<'] = TEXT,             ['='] = SUB_DELIMITER,    ['>'] = TEXT,
    ['?'] = PATH,             ['@'] = PATH,
    ['A' ... 'F'] = HEX,      ['G' ... 'Z'] = UNRESERVED,
    ['['] = BRACKET,          ['\\'] = CHAR_VALUE,      [']'] = BRACKET,
    ['^'] = TOKEN,            ['_'] = UNRESERVED,       ['`'] = TOKEN,
    ['a' ... 'f'] = HEX,      ['g' ... 'z'] = UNRESERVED,
    ['{'] = TEXT,             ['|'] = TOKEN,            ['}'] = TEXT,
    ['~'] = UNRESERVED,       [0x80 ... 0xff] = TEXT,
};
