import StintCore
import StintStore

extension WriteSession {
  /// `clock` is read when `at` is: this may have waited for the writer since.
  func wallClockWasSet(by step: Duration, at: Timestamp, clock: LeaseInstant) throws {
    let now = ClockStanding(at: at, clock: clock)
    let select = try connection.statement("SELECT boot, ahead FROM clock")
    let known = try select.step() ? ClockStanding(boot: select.text(0), ahead: select.integer(1)) : nil
    select.reset()
    guard let known, known.boot == now.boot else { return try note(now) }
    guard step != .zero, known.wasBefore(step, now: now) else {
      // Someone told of this one before, or nobody told of an earlier one: the next one is to count all the same.
      if !known.wasBefore(.zero, now: now) { try note(now) }
      return
    }
    try note(now)
    let move = try connection.prepare(
      """
      UPDATE states SET due_at = due_at + ?1
      WHERE status = 4 AND (SELECT at FROM events WHERE sequence = last_event) NOT BETWEEN ?2 AND ?3
        OR status = 2 AND expires_at IS NOT NULL AND start_within IS NOT NULL AND due_at NOT BETWEEN ?2 AND ?3
      """)
    let since = ClockStanding.since(step, at: at)
    move.bind(1, step)
    move.bind(2, since.lowerBound)
    move.bind(3, since.upperBound)
    try move.run()
    let expire = try connection.prepare(
      """
      UPDATE states SET expires_at = min(due_at + start_within, coalesce(deadline_at, due_at + start_within))
      WHERE expires_at IS NOT NULL AND start_within IS NOT NULL AND (status = 2 OR status = 4)
      """)
    try expire.run()
  }

  private func note(_ standing: ClockStanding) throws {
    try connection.statement("DELETE FROM clock").run()
    let insert = try connection.statement("INSERT INTO clock (boot, ahead) VALUES (?1, ?2)")
    insert.bind(1, standing.boot)
    insert.bind(2, standing.ahead)
    try insert.run()
  }
}
