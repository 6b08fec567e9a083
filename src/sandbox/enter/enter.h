/* What the parts of the sandbox's helper share; enter.c says what it does. */
#ifndef ENTER_H
#define ENTER_H

/* Ends the program: what failed, with the system's reason where `errno` has one. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *what, ...);

/* Gives up every system call that no build needs; for good, for this process and all that come of it. */
void refuse_system_calls(void);

/*
 * Mounts `directory` over itself, in a mount namespace of this process's own, in such a way that what belongs to root there
 * belongs to `user` and `group` instead, on the way in and on the way out.
 */
void lend_to(const char *directory, unsigned user, unsigned group);

/* Writes the one user and the one group of a process's user namespace: `inside` is 0 or more, `user` and `group` lie outside. */
void map_ids(const char *process, unsigned inside, unsigned user, unsigned group);

#endif
