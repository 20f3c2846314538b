// Faults of the machine, for the tests of the real program: preloaded into it, this library moves its wall clock and
// slows down the syncs of its database. The tests write what is wanted into the file named by STINT_FAULTS, while the
// program runs; see FaultyMachine.swift.
//
// The clocks that count time since the start are left alone, as they are where somebody sets a machine's clock.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// The same in FaultyMachine.swift.
struct faults {
  _Atomic int64_t clock_offset;  // microseconds that the wall clock is ahead
  _Atomic int64_t sync_delay;    // microseconds that each sync takes
  _Atomic int64_t next_sync;     // microseconds that the next sync takes, once
  _Atomic int64_t is_held;       // syncs wait until this is 0
  _Atomic int64_t waiting;       // syncs that wait now, of all processes with this file
  _Atomic int64_t done;          // syncs that are over
};

static struct faults none;
static struct faults *faults = &none;

__attribute__((constructor)) static void load(void) {
  const char *path = getenv("STINT_FAULTS");
  if (!path) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void *found = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (found != MAP_FAILED) faults = found;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

// MARK: The wall clock

static void move(struct timespec *time, int64_t microseconds) {
  int64_t nanoseconds = time->tv_nsec + microseconds % 1000000 * 1000;
  time->tv_sec += microseconds / 1000000;
  if (nanoseconds < 0) nanoseconds += 1000000000, time->tv_sec -= 1;
  if (nanoseconds >= 1000000000) nanoseconds -= 1000000000, time->tv_sec += 1;
  time->tv_nsec = nanoseconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  REAL(clock_gettime);
  int code = real(clock, time);
  if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) move(time, faults->clock_offset);
  return code;
}

int gettimeofday(struct timeval *restrict value, void *restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
  value->tv_sec = now.tv_sec;
  value->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}

// Waits until an instant: the kernel's clock was not moved. An instant of the other clocks is small.
static const struct timespec *kernels(const struct timespec *instant, struct timespec *moved) {
  *moved = *instant;
  if (instant->tv_sec > 1000000000) move(moved, -faults->clock_offset);
  return moved;
}

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
  REAL(pthread_cond_timedwait);
  struct timespec moved;
  return real(condition, mutex, kernels(until, &moved));
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
  REAL(sem_timedwait);
  struct timespec moved;
  return real(semaphore, kernels(until, &moved));
}

// MARK: The disk

static int is_database(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, "stint.db") != NULL;
}

static void pass(int64_t microseconds) {
  struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
  while (nanosleep(&left, &left) && errno == EINTR) {}
}

static void slow(int file) {
  int error = errno;
  if (is_database(file)) {
    atomic_fetch_add(&faults->waiting, 1);
    int64_t once = atomic_exchange(&faults->next_sync, 0);
    if (once > 0) pass(once);
    int64_t each = faults->sync_delay;
    if (each > 0) pass(each);
    while (faults->is_held) pass(2000);
    atomic_fetch_sub(&faults->waiting, 1);
    atomic_fetch_add(&faults->done, 1);
  }
  errno = error;
}

int fdatasync(int file) {
  REAL(fdatasync);
  slow(file);
  return real(file);
}

int fsync(int file) {
  REAL(fsync);
  slow(file);
  return real(file);
}
