#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CProcess.h"

#include <errno.h>

#ifdef __linux__
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The environment of a process, which the caller frees; NULL where it can not be read, or there is none.
static char *environment_of(pid_t process, size_t *length) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/environ", (int)process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return NULL;
  size_t capacity = 1 << 14;
  char *bytes = malloc(capacity);
  *length = 0;
  for (;;) {
    if (bytes == NULL) break;
    ssize_t count = read(file, bytes + *length, capacity - *length);
    if (count == -1 && errno == EINTR) continue;
    if (count <= 0) break;
    *length += (size_t)count;
    if (*length < capacity) continue;
    capacity *= 2;
    char *more = realloc(bytes, capacity);
    if (more == NULL) free(bytes);
    bytes = more;
  }
  close(file);
  return bytes;
}

/// Whether the process has `mark` as an entry of its environment.
static int carries(pid_t process, const char *mark) {
  size_t length = 0;
  char *bytes = environment_of(process, &length);
  if (bytes == NULL) return 0;
  size_t wanted = strlen(mark);
  int found = 0;
  for (size_t start = 0; start < length && !found;) {
    size_t end = start;
    while (end < length && bytes[end] != 0) end++;
    found = end - start == wanted && memcmp(bytes + start, mark, wanted) == 0;
    start = end + 1;
  }
  free(bytes);
  return found;
}

/// Kills the process if it carries the mark. Gives whether it does.
static int kill_if_marked(pid_t process, const char *mark) {
#if defined(SYS_pidfd_open) && defined(SYS_pidfd_send_signal)
  // Held before it is looked at, so that its number can not come to mean another one meanwhile.
  int handle = (int)syscall(SYS_pidfd_open, process, 0);
  if (handle != -1) {
    int found = carries(process, mark);
    if (found) syscall(SYS_pidfd_send_signal, handle, SIGKILL, NULL, 0);
    close(handle);
    return found;
  }
  // Gone, or a thread of another. Where the call itself is missing or forbidden, or descriptors are, the number must do.
  if (errno == ESRCH || errno == EINVAL) return 0;
#endif
  if (!carries(process, mark)) return 0;
  kill(process, SIGKILL);
  return 1;
}
#endif

int stint_kill_marked(const char *mark, pid_t *found, int capacity) {
#ifdef __linux__
  DIR *folder = opendir("/proc");
  if (folder == NULL) return -errno;
  int count = 0;
  struct dirent *entry;
  while (count < capacity && (entry = readdir(folder)) != NULL) {
    char *end;
    long process = strtol(entry->d_name, &end, 10);
    if (*end != 0 || process <= 1 || process == getpid()) continue;
    if (kill_if_marked((pid_t)process, mark)) found[count++] = (pid_t)process;
  }
  closedir(folder);
  return count;
#else
  (void)mark;
  (void)found;
  (void)capacity;
  return -ENOTSUP;
#endif
}
