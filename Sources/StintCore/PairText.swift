extension String {
  /// What stands before and after the first `separator`, compared by scalars: a combining mark behind it does not hide
  /// it. Nil where there is none, or nothing before it.
  public func pair(separatedBy separator: Unicode.Scalar) -> (key: String, value: String)? {
    guard let at = unicodeScalars.firstIndex(of: separator), at != unicodeScalars.startIndex else { return nil }
    return (String(unicodeScalars[..<at]), String(unicodeScalars[unicodeScalars.index(after: at)...]))
  }
}
