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
      checked(try Handler(Countdown.self)),
      checked(try Handler(Prime.self)),
      checked(try Handler(Fibonacci.self)),
      checked(
        Handler(fetching.type) { context in
          try await FetchPolicy.$current.withValue(fetch) { try await fetching.run(context) }
        }),
      checked(try Handler(Echo.self)),
      Exec.handler(processes),
    ]
  }

  /// The handler, with its ranges checked again: a job may come from a store that another version wrote.
  private static func checked(_ handler: Handler) -> Handler {
    Handler(handler.type) { context in
      if let params = (try? context.job.spec.params.parsed())?.object {
        let faults = handler.type.check(params).faults
        if !faults.isEmpty {
          throw UndecodableParams(reason: StintError.invalid(handler.type.name, faults).description)
        }
      }
      return try await handler.run(context)
    }
  }
}
