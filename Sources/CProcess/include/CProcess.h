// Starting a command under a guardian, a process of its own that outlives neither the command nor the worker.
//
// This is C because a process with several threads that forks may, in the child, only do what is safe in a signal
// handler. Swift code may take a lock, allocate or call its runtime at any point, and can not promise that.
//
// The guardian is there because a worker that is killed with SIGKILL can not clean up behind itself: its child
// processes would live on. The guardian notices that the worker is gone (the pipe between them ends), and kills all
// that the command started. Libraries that only start processes have no such part.

#ifndef CPROCESS_H
#define CPROCESS_H

#include <stdint.h>
#include <sys/types.h>

/// What the guardian says, one record at a time, on its status pipe.
struct stint_report {
  /// One of STINT_REPORT_….
  int32_t kind;
  /// Started: the command's process. Failed: one of STINT_STEP_…. Exited: the exit code, or minus the signal.
  /// Finished: how many processes the command had left behind, which were killed.
  int32_t value;
  /// Failed: the errno. Exited: 1 where the command had been asked to stop before. Finished: how many processes
  /// could not be killed.
  int32_t detail;
};

enum {
  STINT_REPORT_STARTED = 1,
  STINT_REPORT_FAILED = 2,
  STINT_REPORT_EXITED = 3,
  STINT_REPORT_FINISHED = 4,
};

/// The step at which a command could not be started.
enum {
  STINT_STEP_GUARD = 1,   // the guardian could not prepare itself
  STINT_STEP_FORK = 2,    // no further process
  STINT_STEP_FOLDER = 3,  // the working directory
  STINT_STEP_COMMAND = 4, // the command itself
};

/// What the worker says, one record at a time, on the life pipe. The pipe's end says: kill everything.
struct stint_order {
  /// Milliseconds from SIGTERM, now, to SIGKILL; 0 kills at once.
  uint32_t grace;
};

/// What to start. All text ends with NUL; all memory is the caller's and only needed during the call.
struct stint_launch {
  /// The program's file: an absolute path, or one that counts from `folder`.
  const char *file;
  /// Its arguments, the name first, ended by NULL.
  char *const *arguments;
  /// Its environment, `NAME=value` each, ended by NULL.
  char *const *environment;
  /// Its working directory; NULL for the worker's.
  const char *folder;
  /// Its standard input, output and error.
  int input, output, error;
  /// The guardian's end of the life pipe, for reading.
  int life;
  /// The guardian's end of the status pipe, for writing.
  int status;
  /// Files to remove at the end, ended by NULL, and the folder that they are in; NULL for none. What else is in the
  /// folder stays, and then the folder too: walking through it would need memory.
  char *const *leftovers;
  const char *leftovers_folder;
};

/// Starts a guardian, which starts the command. Gives the guardian's process, to be waited for by the caller, or minus
/// the errno. What becomes of the command is on the status pipe.
pid_t stint_guard(const struct stint_launch *launch);

/// Kills each process of this user that has `mark` (NAME=value) in its environment, this one excepted. Gives how many
/// were found, `capacity` at most, with their numbers in `found`; minus the errno where processes can not be listed.
int stint_kill_marked(const char *mark, pid_t *found, int capacity);

/// A pipe whose ends no other program inherits: the end to read, then the end to write. 0, or the errno.
int stint_pipe(int ends[2]);

#endif
