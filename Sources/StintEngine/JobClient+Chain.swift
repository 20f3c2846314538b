import StintCore

/// Chains of escalation: the jobs that took over from each other.
extension JobClient {
  /// The jobs that `job` took over from, the first one first; those that were removed, and all before them, are left out.
  package func predecessors(of job: Job) async throws(StintError) -> [Job] {
    var chain = [job]
    while let id = chain[0].spec.escalatedFrom, let before = try await jobs([id])[0] { chain.insert(before, at: 0) }
    return chain.dropLast()
  }

  /// The jobs that took over from `job`, the last one last; those that were removed, and all after them, are left out.
  package func successors(of job: Job) async throws(StintError) -> [Job] {
    var chain: [Job] = []
    while let id = (chain.last ?? job).state.escalatedTo, let next = try await jobs([id])[0] { chain.append(next) }
    return chain
  }
}
