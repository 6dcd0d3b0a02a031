/* Names and sentences of result codes. The only file below os/ that knows libuv: its codes pass
 * through the host unchanged, so this is where they become words. */
#include "base/error.h"

#include <stddef.h>
#include <uv.h>

typedef struct ErrorText {
    int code;
    const char *name;
    const char *text; /* NULL: libuv's own sentence */
} ErrorText;

/* Several codes share a name: scripts decide by what happened, not by how the kernel calls it. */
static const ErrorText error_texts[] = {
    {ERR_AGAIN,          "again",       "nothing there yet"               },
    {ERR_CLOSED,         "closed",      "closed"                          },
    {ERR_TOO_LARGE,      "too_large",   "larger than the limit"           },
    {ERR_FULL,           "full",        "no room at the moment"           },
    {ERR_TIMEOUT,        "timeout",     "timed out"                       },
    {ERR_INVALID,        "invalid",     "not well-formed"                 },
    {ERR_NOT_FOUND,      "not_found",   "not found"                       },
    {ERR_CANCELED,       "canceled",    "canceled"                        },
    {ERR_EOF,            "eof",         "end of input"                    },
    {ERR_ANSWERED,       "answered",    "the request was answered already"},
    {ERR_TLS,            "tls",         "unacceptable in TLS"             },
    {ERR_NOT_TLS,        "not_tls",     "not TLS"                         },
    {ERR_UNTRUSTED,      "untrusted",   "not a certificate to believe"    },
    {UV_EAGAIN,          "again",       NULL                              },
    {UV_ECONNREFUSED,    "refused",     NULL                              },
    {UV_ECONNRESET,      "closed",      NULL                              },
    {UV_ECONNABORTED,    "closed",      NULL                              },
    {UV_EPIPE,           "closed",      NULL                              },
    {UV_ENOTCONN,        "closed",      NULL                              },
    {UV_EOF,             "eof",         NULL                              },
    {UV_ETIMEDOUT,       "timeout",     NULL                              },
    {UV_EAI_AGAIN,       "timeout",     NULL                              },
    {UV_ECANCELED,       "canceled",    NULL                              },
    {UV_EADDRINUSE,      "in_use",      NULL                              },
    {UV_EADDRNOTAVAIL,   "unavailable", NULL                              },
    {UV_EHOSTUNREACH,    "unreachable", NULL                              },
    {UV_ENETUNREACH,     "unreachable", NULL                              },
    {UV_ENETDOWN,        "unreachable", NULL                              },
    {UV_EHOSTDOWN,       "unreachable", NULL                              },
    {UV_EACCES,          "denied",      NULL                              },
    {UV_EPERM,           "denied",      NULL                              },
    {UV_EROFS,           "denied",      NULL                              },
    {UV_ENOENT,          "not_found",   NULL                              },
    {UV_ENOTDIR,         "not_found",   NULL                              },
    {UV_ESRCH,           "not_found",   NULL                              },
    {UV_EAI_NONAME,      "not_found",   NULL                              },
    {UV_EAI_NODATA,      "not_found",   NULL                              },
    {UV_EISDIR,          "directory",   NULL                              },
    {UV_EEXIST,          "exists",      NULL                              },
    {UV_EINVAL,          "invalid",     NULL                              },
    {UV_ENAMETOOLONG,    "too_large",   NULL                              },
    {UV_EMSGSIZE,        "too_large",   NULL                              },
    {UV_EFBIG,           "too_large",   NULL                              },
    {UV_E2BIG,           "too_large",   NULL                              },
    {UV_EMFILE,          "full",        NULL                              },
    {UV_ENFILE,          "full",        NULL                              },
    {UV_ENOSPC,          "full",        NULL                              },
    {UV_ENOBUFS,         "full",        NULL                              },
    {UV_ENOMEM,          "no_memory",   NULL                              },
    {UV_ENOSYS,          "unsupported", NULL                              },
    {UV_ENOTSUP,         "unsupported", NULL                              },
    {UV_EAFNOSUPPORT,    "unsupported", NULL                              },
    {UV_EPROTONOSUPPORT, "unsupported", NULL                              },
};

static const ErrorText *find_text(int code)
{
    for (size_t i = 0; i < sizeof error_texts / sizeof error_texts[0]; i++)
        if (error_texts[i].code == code)
            return &error_texts[i];
    return NULL;
}

/* uv_strerror allocates for codes it does not know; this does not. */
static const char *uv_text(int code)
{
    switch (code) {
#define TEXT(name, text)                                                                           \
    case UV_##name:                                                                                \
        return text;
        UV_ERRNO_MAP(TEXT)
#undef TEXT
    default:
        return "unknown error";
    }
}

const char *error_name(int code)
{
    const ErrorText *found = find_text(code);
    return found != NULL ? found->name : "failed";
}

const char *error_text(int code)
{
    const ErrorText *found = find_text(code);
    return found != NULL && found->text != NULL ? found->text : uv_text(code);
}
