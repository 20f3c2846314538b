public import StintCore
public import StintEngine

/// The job types that come with Stint: `countdown`, `prime`, `fibonacci`, `fetch`, `echo`, `exec`.
public enum BuiltInJobs {
  /// Their handlers, for a worker.
  ///
  /// - Parameters:
  ///   - fetch: which addresses `fetch` may reach, and its limits.
  ///   - processes: how `exec` starts its processes.
  /// - Throws: a ``StintCore/StintError`` where a type's params can not be derived.
  public static func handlers(
    fetch: FetchPolicy = FetchPolicy(), processes: ProcessPolicy = ProcessPolicy()
  ) throws(StintError) -> [Handler] {
    let fetching = try Handler(Fetch.self)
    return [
      try Handler(Countdown.self).checkingParams(),
      try Handler(Prime.self).checkingParams(),
      try Handler(Fibonacci.self).checkingParams(),
      Handler(fetching.type) { context in
        try await FetchPolicy.$current.withValue(fetch) { try await fetching.run(context) }
      }.checkingParams(),
      try Handler(Echo.self).checkingParams(),
      Exec.handler(processes),
    ]
  }
}
