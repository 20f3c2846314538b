/// A piece of what an attempt says: kept in order, shown live.
public struct OutputChunk: Sendable, Hashable {
  /// Where a piece comes from.
  public enum Stream: String, Sendable, Hashable, CaseIterable {
    /// What the work prints.
    case stdout
    /// What it prints as errors and remarks.
    case stderr
    /// A named event of the work, as one JSON object.
    case event
    /// Stint's own remark on the output, for instance that it was cut.
    case notice

    /// A small number for stores, stable for ever.
    public var code: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The stream of a ``code``, or nil.
    public init?(code: Int) {
      guard Self.allCases.indices.contains(code) else { return nil }
      self = Self.allCases[code]
    }
  }

  /// The attempt that said it.
  public let attempt: Int
  /// Its place among the attempt's pieces, from 1.
  public let number: Int
  /// Where it comes from.
  public let stream: Stream
  /// The text, a line with its end as a rule.
  public let text: String
  /// When it was said.
  public let at: Timestamp

  /// A piece from its parts.
  public init(attempt: Int, number: Int, stream: Stream = .stdout, text: String, at: Timestamp) {
    self.attempt = attempt
    self.number = number
    self.stream = stream
    self.text = text
    self.at = at
  }

  /// Where it stands in the job's output.
  public var place: OutputPlace { OutputPlace(attempt: attempt, number: number) }
}

/// A place in a job's output: an attempt, and a piece of it. Written `ATTEMPT-NUMBER`, as in `Last-Event-ID`.
public struct OutputPlace: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The attempt.
  public let attempt: Int
  /// The piece; 0 is before the first.
  public let number: Int

  /// A place.
  public init(attempt: Int, number: Int) {
    self.attempt = attempt
    self.number = number
  }

  /// The place that a text names; nil where it is none.
  public init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let attempt = Int(parts[0]), let number = Int(parts[1]), attempt >= 0, number >= 0 else {
      return nil
    }
    self.init(attempt: attempt, number: number)
  }

  /// `ATTEMPT-NUMBER`
  public var description: String { "\(attempt)-\(number)" }

  /// By attempt, then by number.
  public static func < (a: OutputPlace, b: OutputPlace) -> Bool {
    (a.attempt, a.number) < (b.attempt, b.number)
  }
}
