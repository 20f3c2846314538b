#include <sqlite3.h>

/// Turns off SQLite's own count of its memory, which costs a lock at every allocation. Must come before the first
/// connection of the process; later it does nothing and says so with SQLITE_MISUSE.
static inline int stint_sqlite_disable_memory_statistics(void) {
  return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/// Gives the connection small memory of its own for what statements need while they run.
static inline int stint_sqlite_use_lookaside(sqlite3 *database) {
  return sqlite3_db_config(database, SQLITE_DBCONFIG_LOOKASIDE, (void *)0, 2048, 256);
}
