/* Error: names that scripts match on, and a sentence for every code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"

static void own_codes_have_names_and_sentences(void **state)
{
    (void)state;
    assert_string_equal(error_name(ERR_CLOSED), "closed");
    assert_string_equal(error_name(ERR_TOO_LARGE), "too_large");
    assert_string_equal(error_name(ERR_NOT_FOUND), "not_found");
    for (int code = ERR_AGAIN; code >= ERR_NOT_TLS; code--) {
        assert_string_not_equal(error_name(code), "failed");
        assert_string_not_equal(error_text(code), "unknown error");
    }
}

static void codes_of_the_system_become_names(void **state)
{
    static const struct {
        int code;
        const char *name;
    } expected[] = {
        {-ECONNREFUSED,  "refused"    },
        {-ECONNRESET,    "closed"     },
        {-EPIPE,         "closed"     },
        {-EADDRINUSE,    "in_use"     },
        {-EADDRNOTAVAIL, "unavailable"},
        {-EACCES,        "denied"     },
        {-ETIMEDOUT,     "timeout"    },
        {-ENOENT,        "not_found"  },
        {-EHOSTUNREACH,  "unreachable"},
        {-EMFILE,        "full"       },
    };

    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        assert_string_equal(error_name(expected[i].code), expected[i].name);
    assert_string_equal(error_text(-EADDRINUSE), "address already in use");
}

static void unknown_codes_have_failed(void **state)
{
    (void)state;
    assert_string_equal(error_name(-9999), "failed");
    assert_string_equal(error_name(1), "failed");
    assert_string_equal(error_text(-9999), "unknown error");
    assert_string_equal(error_name(-EXDEV), "failed");
    assert_string_equal(error_text(-EXDEV), "cross-device link not permitted");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_codes_have_names_and_sentences),
        cmocka_unit_test(codes_of_the_system_become_names),
        cmocka_unit_test(unknown_codes_have_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
