public import StintCore

/// What a handler says while it runs.
public enum AttemptNews: Sendable, Hashable {
  /// It is alive, and has nothing else to say.
  case alive
  /// How far it is.
  case progress(Progress)
  /// A piece of output.
  case output(OutputChunk.Stream, String)
  /// What it keeps for the next attempt.
  case checkpoint(RawJSON)
}
