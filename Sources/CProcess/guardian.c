#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

// The thread sanitizer must know of every fork.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_THREAD_SANITIZER 1
#endif
#endif
#ifndef HAS_THREAD_SANITIZER
#define HAS_THREAD_SANITIZER 0
#endif

// All from here to `stint_guard` runs in a process that was forked from one with several threads, and has not become
// another program: only calls that are safe in a signal handler, and no memory but the stack's and the static.

/// Where the guardian keeps its descriptors; all others are closed.
enum { LIFE = 3, STATUS = 4, INPUT = 5, OUTPUT = 6, ERROR = 7, FIRST_UNUSED = 8 };

static void say_to(int pipe, int32_t kind, int32_t value, int32_t detail) {
  struct stint_report report = {kind, value, detail};
  // Smaller than what a pipe takes as one piece. Nobody may be there to read it any more.
  while (write(pipe, &report, sizeof report) == -1 && errno == EINTR) {
  }
}

static void say(int32_t kind, int32_t value, int32_t detail) { say_to(STATUS, kind, value, detail); }

/// Ends this process with what `errno` says.
static _Noreturn void fail_to_start(int pipe, int32_t step) {
  say_to(pipe, STINT_REPORT_FAILED, step, errno);
  _exit(127);
}

static int64_t now_in_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_from(int first) {
#if defined(__linux__) && defined(SYS_close_range)
  if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
#endif
  struct rlimit limit;
  int last = 65536;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < (1 << 20))
    last = (int)limit.rlim_cur;
  for (int descriptor = first; descriptor < last; descriptor++) close(descriptor);
}

/// Moves the five descriptors to their places and closes all others, the worker's standard ones too.
static void take_descriptors(const struct stint_launch *launch) {
  const int given[] = {launch->life, launch->status, launch->input, launch->output, launch->error};
  int moved[5];
  // First out of the way of the places, then into them.
  for (int index = 0; index < 5; index++) {
    moved[index] = fcntl(given[index], F_DUPFD_CLOEXEC, FIRST_UNUSED);
    if (moved[index] == -1) fail_to_start(launch->status, STINT_STEP_GUARD);
  }
  for (int index = 0; index < 5; index++) {
    dup2(moved[index], LIFE + index);
    fcntl(LIFE + index, F_SETFD, FD_CLOEXEC);
  }
  close_from(FIRST_UNUSED);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing == -1) fail_to_start(STATUS, STINT_STEP_GUARD);
  for (int descriptor = 0; descriptor < 3; descriptor++) dup2(nothing, descriptor);
  if (nothing >= 3) close(nothing);
}

static void ignore_child_signal(int number) { (void)number; }

/// Every signal as at a program's beginning. Blocked stay all of them; the guardian lets in SIGCHLD while it waits,
/// and nothing else, so that whoever means to end the worker by a signal to all its processes does not end the guard.
static void reset_signals(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; number++) sigaction(number, &action, NULL);
  action.sa_handler = ignore_child_signal;
  sigaction(SIGCHLD, &action, NULL);
}

/// The command's process, until it becomes the command.
static _Noreturn void become_command(const struct stint_launch *launch, pid_t guardian) {
  setpgid(0, 0);
#ifdef __linux__
  // Should somebody kill the guardian itself.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guardian) _exit(127);
#else
  (void)guardian;
#endif
  for (int index = 0; index < 3; index++)
    if (dup2(INPUT + index, index) == -1) fail_to_start(STATUS, STINT_STEP_FORK);
  if (launch->folder != NULL && chdir(launch->folder) == -1) fail_to_start(STATUS, STINT_STEP_FOLDER);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(launch->file, launch->arguments, launch->environment);
  // A file that the worker has just written may still be open for writing in a guardian that was forked meanwhile and
  // has not come to close it.
  for (int tries = 0; errno == ETXTBSY && tries < 300; tries++) {
    struct timespec moment = {0, 10000000};
    nanosleep(&moment, NULL);
    execve(launch->file, launch->arguments, launch->environment);
  }
  fail_to_start(STATUS, STINT_STEP_COMMAND);
}

static pid_t fork_command(void) {
#if defined(__GLIBC__) && !HAS_THREAD_SANITIZER
  // Without the handlers that other parts of the worker registered for forks.
  return _Fork();
#else
  return fork();
#endif
}

/// What the guardian knows.
struct guard {
  pid_t leader;
  /// Whether the leader's end is known; its process is kept as a zombie until the group was killed, so that the
  /// group's number can not have gone to somebody else.
  int has_exited;
  int was_asked;
  /// When to kill, by `now_in_milliseconds`; -1 where nobody asked.
  int64_t kill_at;
  int left_behind;
  int beyond_reach;
  int listed;
};

static void note_exit(struct guard *guard, int code, int status) {
  if (guard->has_exited) return;
  guard->has_exited = 1;
  say(STINT_REPORT_EXITED, code == CLD_EXITED ? status : -status, guard->was_asked);
}

/// Looks whether the leader has ended, without taking its process away.
static void look_at_leader(struct guard *guard) {
  siginfo_t info;
  memset(&info, 0, sizeof info);
  if (!guard->has_exited && waitid(P_PID, (id_t)guard->leader, &info, WEXITED | WNOHANG | WNOWAIT) == 0
      && info.si_pid == guard->leader)
    note_exit(guard, info.si_code, info.si_status);
}

/// Takes away ended processes that were handed to the guardian while the leader runs.
static void reap_orphans(struct guard *guard) {
  for (;;) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid == 0) return;
    if (info.si_pid == guard->leader) return;
    waitpid(info.si_pid, NULL, 0);
  }
}

#ifdef __linux__
typedef void action(struct guard *, pid_t);

/// Calls `act` for each number in the file, and gives 0 where there is no such file.
static int for_each_number(const char *path, struct guard *guard, action *act) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return 0;
  char buffer[4096];
  pid_t number = 0;
  ssize_t count;
  while ((count = read(file, buffer, sizeof buffer)) > 0) {
    for (ssize_t index = 0; index < count; index++) {
      if (buffer[index] >= '0' && buffer[index] <= '9') {
        number = number * 10 + (buffer[index] - '0');
      } else if (number > 0) {
        act(guard, number);
        number = 0;
      }
    }
  }
  if (number > 0) act(guard, number);
  close(file);
  return 1;
}

/// The parent of a process, as its line in /proc says; 0 where there is none.
static pid_t parent_of(const char *process) {
  char path[32] = "/proc/";
  size_t length = strlen(path);
  for (size_t index = 0; process[index] != 0 && length < sizeof path - 6; index++) path[length++] = process[index];
  memcpy(path + length, "/stat", 6);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return 0;
  char line[512];
  ssize_t count = read(file, line, sizeof line);
  close(file);
  // NUMBER (NAME) STATE PARENT …, where the name may hold anything, also brackets.
  ssize_t index = count - 1;
  while (index >= 0 && line[index] != ')') index--;
  pid_t parent = 0;
  if (index < 0) return 0;
  for (index += 4; index < count && line[index] >= '0' && line[index] <= '9'; index++)
    parent = parent * 10 + (line[index] - '0');
  return parent;
}

/// Calls `act` for each process in /proc whose parent is this one.
static void for_each_listed_child(struct guard *guard, action *act) {
  struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
  };
  int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder == -1) return;
  char buffer[4096] __attribute__((aligned(8)));
  long count;
  while ((count = syscall(SYS_getdents64, folder, buffer, sizeof buffer)) > 0) {
    for (long offset = 0; offset < count;) {
      const struct entry *entry = (const struct entry *)(buffer + offset);
      offset += entry->length;
      pid_t number = 0;
      for (const char *digit = entry->name; *digit >= '0' && *digit <= '9'; digit++)
        number = number * 10 + (*digit - '0');
      if (number > 0 && parent_of(entry->name) == getpid()) act(guard, number);
    }
  }
  close(folder);
}

/// Calls `act` for each child of this process. Those whose parents have ended are among them, for the guardian is
/// their new parent (PR_SET_CHILD_SUBREAPER). Most kernels list them in a file; the others list all processes.
static void for_each_child(struct guard *guard, action *act) {
  if (!for_each_number("/proc/thread-self/children", guard, act)) for_each_listed_child(guard, act);
}

static void kill_child(struct guard *guard, pid_t child) {
  guard->listed++;
  if (kill(child, SIGKILL) == -1 && errno == EPERM) guard->beyond_reach++;
}

static void count_if_in_group(struct guard *guard, pid_t child) {
  if (child == guard->leader || getpgid(child) != guard->leader) return;
  if (waitpid(child, NULL, WNOHANG) == 0) guard->left_behind++;
}
#endif

/// Whether others of the leader's group are alive after it.
static int group_lives_on(struct guard *guard) {
#ifdef __linux__
  guard->left_behind = 0;
  for_each_child(guard, count_if_in_group);
  int lives = guard->left_behind > 0;
  guard->left_behind = 0;
  return lives;
#else
  (void)guard;
  return 0;
#endif
}

/// Waits for a child's end, a word of the worker or `milliseconds` (-1: without end). Gives 1 where the worker spoke.
static int wait_for_news(int64_t milliseconds, int hears) {
  fd_set readable;
  FD_ZERO(&readable);
  if (hears) FD_SET(LIFE, &readable);
  sigset_t mask;
  sigfillset(&mask);
  sigdelset(&mask, SIGCHLD);
  struct timespec limit = {milliseconds / 1000, (milliseconds % 1000) * 1000000};
  return pselect(LIFE + 1, &readable, NULL, NULL, milliseconds < 0 ? NULL : &limit, &mask) > 0;
}

/// Kills the group and all other descendants, and waits until they have ended.
static void sweep(struct guard *guard) {
  look_at_leader(guard);
  kill(-guard->leader, SIGKILL);
  int64_t started = now_in_milliseconds();
  for (;;) {
    int status;
    pid_t ended;
    while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
      if (ended != guard->leader) {
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) guard->left_behind++;
      } else if (WIFEXITED(status)) {
        note_exit(guard, CLD_EXITED, WEXITSTATUS(status));
      } else {
        note_exit(guard, CLD_KILLED, WTERMSIG(status));
      }
    }
    guard->beyond_reach = 0;
    guard->listed = 0;
    if (ended == -1 && errno == ECHILD) return;
#ifdef __linux__
    for_each_child(guard, kill_child);
#endif
    // There are some, but they can not be seen.
    if (guard->listed == 0) guard->beyond_reach = 1;
    // What belongs to another user now can not be killed; it is left alone after a second, and that is said.
    if (guard->beyond_reach > 0 && now_in_milliseconds() - started > 1000) return;
    wait_for_news(20, 0);
  }
}

/// Reads what the worker asks. Gives 0 when the worker is gone.
static int hear_worker(struct guard *guard) {
  struct stint_order order;
  ssize_t count = read(LIFE, &order, sizeof order);
  if (count == -1) return errno == EINTR || errno == EAGAIN;
  if (count != (ssize_t)sizeof order) return 0;
  int64_t kill_at = now_in_milliseconds() + order.grace;
  if (guard->kill_at == -1 || kill_at < guard->kill_at) guard->kill_at = kill_at;
  guard->was_asked = 1;
  if (order.grace > 0) {
    kill(-guard->leader, SIGTERM);
    // A stopped process could not hear it.
    kill(-guard->leader, SIGCONT);
  }
  return 1;
}

/// Waits for the command's end, and ends what it leaves behind.
static void watch(struct guard *guard) {
  for (;;) {
    look_at_leader(guard);
    if (!guard->has_exited) reap_orphans(guard);
    // After SIGTERM others of the group have the rest of the grace too; without, they go with the leader.
    if (guard->has_exited && (guard->kill_at == -1 || !group_lives_on(guard))) break;
    int64_t left = -1;
    if (guard->kill_at != -1) {
      left = guard->kill_at - now_in_milliseconds();
      if (left <= 0) break;
    }
    if (wait_for_news(left, 1) && !hear_worker(guard)) break;
  }
  sweep(guard);
}

#ifdef __linux__
/// Writes `title` where the kernel keeps this process's arguments: it is a copy of the worker's process, and whoever
/// looks for the worker by its command line must not find it.
static void set_title(const char *title) {
  char line[1024];
  int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (file == -1) return;
  ssize_t count = read(file, line, sizeof line);
  close(file);
  ssize_t index = count - 1;
  while (index >= 0 && line[index] != ')') index--;
  if (index < 0) return;
  // After the name comes field 3. 48 to 51 are where arguments and environment begin and end.
  uintptr_t places[4] = {0, 0, 0, 0};
  int field = 2;
  for (index++; index < count; index++) {
    if (line[index] == ' ') {
      field++;
    } else if (field >= 48 && field <= 51 && line[index] >= '0' && line[index] <= '9') {
      places[field - 48] = places[field - 48] * 10 + (uintptr_t)(line[index] - '0');
    }
  }
  if (field < 51 || places[0] == 0 || places[1] <= places[0]) return;
  size_t room = places[1] - places[0];
  size_t wanted = strlen(title) + 1;
  char *arguments = (char *)places[0];
  // Where the arguments are too short for it, it goes on into the environment behind them, which nobody here reads; the
  // kernel shows it up to its end then.
  size_t most = places[2] == places[1] && places[3] > places[2] ? places[3] - places[0] : room;
  for (size_t place = 0; place < room || (place < wanted && place < most); place++)
    arguments[place] = place + 1 < wanted && place + 1 < most ? title[place] : 0;
}
#endif

static _Noreturn void be_guardian(const struct stint_launch *launch) {
  setsid();
  reset_signals();
  take_descriptors(launch);
#ifdef __linux__
  prctl(PR_SET_NAME, "job-guardian");
  set_title("stint job-guardian");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
  struct guard guard = {.kill_at = -1};
  pid_t guardian = getpid();
  guard.leader = fork_command();
  if (guard.leader == 0) become_command(launch, guardian);
  if (guard.leader == -1) {
    say(STINT_REPORT_FAILED, STINT_STEP_FORK, errno);
  } else {
    // Both do it, so that the group is there whoever is first.
    setpgid(guard.leader, guard.leader);
    // The worker must see the end of the command's output as soon as the command is over.
    for (int descriptor = INPUT; descriptor <= ERROR; descriptor++) close(descriptor);
    say(STINT_REPORT_STARTED, guard.leader, 0);
    watch(&guard);
  }
  if (launch->leftovers != NULL) {
    for (char *const *name = launch->leftovers; *name != NULL; name++) unlink(*name);
    if (launch->leftovers_folder != NULL) rmdir(launch->leftovers_folder);
  }
  say(STINT_REPORT_FINISHED, guard.left_behind, guard.beyond_reach);
  _exit(0);
}

pid_t stint_guard(const struct stint_launch *launch) {
  // Blocked around the fork, so that no handler of the worker's ever runs in the guardian.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t guardian = fork();
  if (guardian == 0) be_guardian(launch);
  int fault = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return guardian == -1 ? -fault : guardian;
}

int stint_pipe(int ends[2]) {
#ifdef __linux__
  return pipe2(ends, O_CLOEXEC) == 0 ? 0 : errno;
#else
  if (pipe(ends) == -1) return errno;
  for (int index = 0; index < 2; index++) fcntl(ends[index], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}
