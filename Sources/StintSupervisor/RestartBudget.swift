/// How often ended worker processes are replaced before something must be wrong: `count` times within `period`, after
/// the restart intensity of Erlang's supervisors.
struct RestartBudget: Sendable {
  let count: Int
  let period: Duration
  private var restarts: [Duration] = []

  init(count: Int, period: Duration) {
    self.count = count
    self.period = period
  }

  /// Counts a restart at `uptime`; false if it is one too many.
  mutating func take(uptime: Duration) -> Bool {
    restarts.removeAll { uptime - $0 >= period }
    restarts.append(uptime)
    return restarts.count <= count
  }
}
