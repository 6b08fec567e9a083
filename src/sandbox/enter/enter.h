/* Shared declarations of the sandbox's helper; see enter.c for what it does. */
#ifndef ENTER_H
#define ENTER_H

/* Exits with a message that says what failed, and the system's reason if `errno` is set. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *what, ...);

/* Blocks every system call that builds do not need, permanently, for this process and its descendants. */
void refuse_system_calls(void);

/*
 * Mounts `directory` over itself with mapped ids, in a new mount namespace of this process: what belongs to root on disk
 * belongs to `user` and `group` as seen through the mount, both when reading and when writing.
 */
void lend_to(const char *directory, unsigned user, unsigned group);

/* Maps the single user and group of a process's user namespace: `inside` is the id there, `user` and `group` those outside. */
void map_ids(const char *process, unsigned inside, unsigned user, unsigned group);

#endif
