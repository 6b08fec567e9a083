/*
 * recorder FILE SKIP PROGRAM [ARGUMENT...]
 *
 * Runs a program and writes into FILE, as lines of JSON, what it and its descendants execute:
 *
 *   {"pid":7,"ppid":5,"program":"/tools/bin/busybox","cwd":"/build","argv":["sed","-n","p"]}
 *
 * A line stands for an execve that succeeded, in the order in which they did. `program` is the file that runs: of a
 * script its interpreter, with the script among the arguments. The first SKIP executions, those that set up the
 * sandbox, are left out. The working directory must be the root of a sandbox, whose proc is read.
 *
 * It watches by ptrace, because that sees static programs, needs no rights, and follows a process wherever it forks. No
 * system call is stopped: a process stops when it is born, when it has executed something, and for signals.
 *
 * What is run is never changed: where watching is refused or FILE cannot be written the program runs all the same, and
 * there is no FILE. What is left running when the program ends is let go. The exit code is the program's, or 128 and the
 * number of the signal that ended it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *record;
static int proc;
static long skip;

/* Everything that a file of a process holds, in a buffer that is kept for the next one; its length, 0 where it cannot be read. */
static size_t read_all(pid_t pid, const char *name, char **buffer, size_t *room)
{
  char path[64];
  size_t length = 0;
  ssize_t count;
  int file;

  snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
  file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  do {
    if (*room - length < 4096) {
      char *larger = realloc(*buffer, *room * 2 + 8192);
      if (!larger) break;
      *buffer = larger;
      *room = *room * 2 + 8192;
    }
    count = read(file, *buffer + length, *room - length - 1);
    if (count > 0) length += count;
  } while (count > 0);
  close(file);
  if (*buffer) (*buffer)[length] = 0;
  return length;
}

/* Length of the UTF-8 character at `text`, 0 where there is none. */
static int character(const unsigned char *text)
{
  int length = *text < 0x80 ? 1 : *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;
  int at;

  for (at = 1; at < length; at++)
    if ((text[at] & 0xc0) != 0x80) return 0;
  if ((*text == 0xe0 && text[1] < 0xa0) || (*text == 0xed && text[1] > 0x9f)) return 0;
  if ((*text == 0xf0 && text[1] < 0x90) || (*text == 0xf4 && text[1] > 0x8f)) return 0;
  return length;
}

static void write_string(const char *string)
{
  const unsigned char *text = (const unsigned char *)string;

  putc('"', record);
  while (*text) {
    int length = character(text);

    if (!length) fputs("\\ufffd", record);
    else if (*text == '"' || *text == '\\') fprintf(record, "\\%c", *text);
    else if (*text < 0x20) fprintf(record, "\\u%04x", *text);
    else fwrite(text, 1, length, record);
    text += length ? length : 1;
  }
  putc('"', record);
}

static void write_link(const char *field, pid_t pid, const char *name)
{
  char path[64], target[8192];
  ssize_t length;

  snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
  length = readlinkat(proc, path, target, sizeof(target) - 1);
  target[length > 0 ? length : 0] = 0;
  fprintf(record, ",\"%s\":", field);
  write_string(target);
}

/* The parent's number stands second behind the program's name, which is in parentheses and may hold some itself. */
static int parent(pid_t pid)
{
  static char *stat;
  static size_t room;
  char *end = read_all(pid, "stat", &stat, &room) ? strrchr(stat, ')') : NULL;

  return end && strlen(end) > 4 ? atoi(end + 4) : 0;
}

static void note(pid_t pid)
{
  static char *words;
  static size_t room;
  size_t length, at;

  if (skip > 0) {
    skip--;
    return;
  }
  fprintf(record, "{\"pid\":%d,\"ppid\":%d", (int)pid, parent(pid));
  write_link("program", pid, "exe");
  write_link("cwd", pid, "cwd");
  fputs(",\"argv\":[", record);
  length = read_all(pid, "cmdline", &words, &room);
  for (at = 0; at < length; at += strlen(words + at) + 1) {
    if (at) putc(',', record);
    write_string(words + at);
  }
  fputs("]}\n", record);
}

static int is_stop(int number)
{
  return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

/* Until the program ends; its wait status. */
static int watch(pid_t program)
{
  for (;;) {
    int status, event;
    pid_t pid = waitpid(-1, &status, __WALL);

    if (pid < 0) {
      if (errno == EINTR) continue;
      return 127 << 8;
    }
    if (!WIFSTOPPED(status)) {
      if (pid == program) return status;
      continue;
    }
    /* All may fail: somebody may have killed the process meanwhile. */
    event = status >> 16;
    if (event == PTRACE_EVENT_EXEC && record) note(pid);
    if (event == PTRACE_EVENT_STOP && is_stop(WSTOPSIG(status))) ptrace(PTRACE_LISTEN, pid, 0, 0);
    else ptrace(PTRACE_CONT, pid, 0, event ? 0 : WSTOPSIG(status));
  }
}

int main(int count, char **words)
{
  long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
  int go[2], status;
  pid_t program;
  char byte;

  if (count < 4) {
    fputs("recorder FILE SKIP PROGRAM [ARGUMENT...]\n", stderr);
    return 2;
  }
  skip = atol(words[2]);
  if (pipe2(go, O_CLOEXEC) || (program = fork()) < 0) {
    perror("recorder");
    return 125;
  }
  if (!program) {
    close(go[1]);
    while (read(go[0], &byte, 1) < 0 && errno == EINTR);
    execvp(words[3], words + 3);
    status = errno == ENOENT ? 127 : 126;
    perror(words[3]);
    _exit(status);
  }
  close(go[0]);
  /* Opened after the fork: nothing of this is the program's. */
  record = fopen(words[1], "we");
  proc = open("proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!record || proc < 0 || ptrace(PTRACE_SEIZE, program, 0, options)) {
    perror("recorder: nothing is recorded");
    if (record) unlink(words[1]);
    record = NULL;
  }
  close(go[1]);
  status = watch(program);
  if (record && (fflush(record) || ferror(record))) unlink(words[1]);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
