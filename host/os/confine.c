#include "os/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define FOREIGN_CALLS 0x40000000u /* the x32 calls begin here */
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define FOREIGN_CALLS 0xffffffffu
#endif

/* Since which version of landlock. */
enum { REFER_SINCE = 2, TRUNCATE_SINCE = 3 };

#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (UINT64_C(1) << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (UINT64_C(1) << 14)
#endif

#define READ_FILE LANDLOCK_ACCESS_FS_READ_FILE
#define WRITE_FILE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define READ_FOLDER (READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FOLDER (READ_FOLDER | WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG)
#define OF_FILES (READ_FILE | WRITE_FILE)

static const char *const system_paths[] = {
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/resolv.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/etc/ssl",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/run/systemd/resolve",
    "/proc/self",
    "/dev/null",
    "/dev/urandom",
};

static int landlock_version(void)
{
    long version =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, LANDLOCK_CREATE_RULESET_VERSION);

    return version < 0 ? uv_translate_sys_error(errno) : (int)version;
}

int confine_check(void)
{
#ifdef OWN_ARCHITECTURE
    int version = landlock_version();
    uint32_t action = SECCOMP_RET_ERRNO;

    if (version < 0)
        return version;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
        return uv_translate_sys_error(errno);
    return 0;
#else
    return UV_ENOTSUP;
#endif
}

/* All that this version of landlock can forbid. */
static uint64_t handled_access(int version)
{
    uint64_t access = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

    if (version >= REFER_SINCE)
        access |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= TRUNCATE_SINCE)
        access |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return access;
}

static int allow(int ruleset_fd, const char *path, uint64_t access, uint64_t handled)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access & handled};
    struct stat status;
    int result = 0;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return 0;
    if (fstat(rule.parent_fd, &status) == 0 && !S_ISDIR(status.st_mode))
        rule.allowed_access &= OF_FILES;
    if (syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        result = uv_translate_sys_error(errno);
    close(rule.parent_fd);
    return result;
}

static int allow_all(int ruleset_fd, ConfinePaths paths, uint64_t access, uint64_t handled)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < paths.count; i++)
        result = allow(ruleset_fd, paths.paths[i], access, handled);
    return result;
}

static int restrict_files(ConfinePaths readable, ConfinePaths writable)
{
    ConfinePaths of_system = {system_paths, sizeof system_paths / sizeof *system_paths};
    int version = landlock_version();
    struct landlock_ruleset_attr attributes = {0};
    int ruleset_fd, result;

    if (version < 0)
        return version;
    attributes.handled_access_fs = handled_access(version);
    ruleset_fd = (int)syscall(SYS_landlock_create_ruleset, &attributes,
                              sizeof attributes.handled_access_fs, 0);
    if (ruleset_fd < 0)
        return uv_translate_sys_error(errno);
    result = allow_all(ruleset_fd, of_system, READ_FOLDER, attributes.handled_access_fs);
    if (result == 0)
        result = allow_all(ruleset_fd, readable, READ_FOLDER, attributes.handled_access_fs);
    if (result == 0)
        result = allow_all(ruleset_fd, writable, WRITE_FOLDER, attributes.handled_access_fs);
    if (result == 0 && syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
        result = uv_translate_sys_error(errno);
    close(ruleset_fd);
    return result;
}

#ifdef OWN_ARCHITECTURE

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define FAILURE(number) (SECCOMP_RET_ERRNO | (number))
/* Two instructions: the call of this name fails. */
#define REFUSE(name, number)                                                                       \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), ANSWER(FAILURE(number))

/* The C library makes threads by clone() when clone3(), whose flags a filter cannot see, is not
 * there. Without CLONE_THREAD it would make a process. */
static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN_CALLS, 0, 1),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    REFUSE(clone3, ENOSYS),
    REFUSE(execve, EPERM),
    REFUSE(execveat, EPERM),
#ifdef SYS_fork
    REFUSE(fork, EPERM),
    REFUSE(vfork, EPERM),
#endif
    REFUSE(ptrace, EPERM),
    REFUSE(process_vm_readv, EPERM),
    REFUSE(process_vm_writev, EPERM),
    REFUSE(pidfd_getfd, EPERM),
    REFUSE(kcmp, EPERM),
    REFUSE(bpf, EPERM),
    REFUSE(perf_event_open, EPERM),
    REFUSE(userfaultfd, EPERM),
    REFUSE(io_uring_setup, ENOSYS),
    REFUSE(keyctl, EPERM),
    REFUSE(add_key, EPERM),
    REFUSE(request_key, EPERM),
    REFUSE(mount, EPERM),
    REFUSE(umount2, EPERM),
    REFUSE(move_mount, EPERM),
    REFUSE(open_tree, EPERM),
    REFUSE(fsopen, EPERM),
    REFUSE(pivot_root, EPERM),
    REFUSE(chroot, EPERM),
    REFUSE(unshare, EPERM),
    REFUSE(setns, EPERM),
    REFUSE(open_by_handle_at, EPERM),
    REFUSE(init_module, EPERM),
    REFUSE(finit_module, EPERM),
    REFUSE(delete_module, EPERM),
    REFUSE(kexec_load, EPERM),
    REFUSE(reboot, EPERM),
    REFUSE(swapon, EPERM),
    REFUSE(swapoff, EPERM),
    REFUSE(settimeofday, EPERM),
    REFUSE(clock_settime, EPERM),
    REFUSE(sethostname, EPERM),
    REFUSE(personality, EPERM),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    LOAD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
    ANSWER(FAILURE(EPERM)),
    ANSWER(SECCOMP_RET_ALLOW),
};

static int restrict_calls(void)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        return uv_translate_sys_error(errno);
    return 0;
}

#else

static int restrict_calls(void)
{
    return UV_ENOTSUP;
}

#endif

int confine_apply(ConfinePaths readable, ConfinePaths writable)
{
    int result;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return uv_translate_sys_error(errno);
    if ((result = restrict_files(readable, writable)) < 0)
        return result;
    return restrict_calls();
}
